import type { ComponentChildren } from "preact";
import "./chart.css";

interface TileProps {
  label: string;
  value: string;
  /** What follows the value in small letters, such as "/s". */
  unit?: string;
  hint?: ComponentChildren;
}

/** A number that somebody should see at once. Tiles are in Tiles. */
export function Tile({ label, value, unit, hint }: TileProps) {
  return (
    <div class="tile panel">
      <dt>{label}</dt>
      <dd class="tile-value">
        {value}
        {unit && <small>{unit}</small>}
      </dd>
      <dd class="hint">{hint}</dd>
    </div>
  );
}

export function Tiles({ children }: { children: ComponentChildren }) {
  return <dl class="tiles">{children}</dl>;
}
