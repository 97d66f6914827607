// A frame of the messaging plane as it went over a connection.
import { formatClock } from "../lib/text";

export interface RawFrame {
  direction: "in" | "out";
  data: string;
  at: Date;
}

/** A frame on a line. */
export function FrameLine({ frame, onChoose }: { frame: RawFrame; onChoose?: () => void }) {
  const received = frame.direction === "in";
  return (
    <div class={`frame ${frame.direction}`} onClick={onChoose}>
      <span class="frame-way">
        {received ? "↓" : "↑"}
        <span class="visually-hidden">{received ? "received" : "sent"}</span>
      </span>
      <time>{formatClock(frame.at)}</time>
      <span class="truncate">{frame.data}</span>
    </div>
  );
}
