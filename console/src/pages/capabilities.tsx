// The field for what somebody may do in a room.
import type { ChatTokenCapability } from "@aws-sdk/client-ivschat";
import { capabilities } from "../api/tokens";
import { Check } from "../ui/form";

interface CapabilitiesFieldProps {
  value: ChatTokenCapability[];
  onValue: (value: ChatTokenCapability[]) => void;
  hint?: string;
}

export function CapabilitiesField({ value, onValue, hint }: CapabilitiesFieldProps) {
  const others = (id: ChatTokenCapability) => value.filter((c) => c !== id);
  return (
    <fieldset class="fieldset">
      <legend class="legend">Capabilities</legend>
      {capabilities.map(({ id, label }) => (
        <Check
          key={id}
          checked={value.includes(id)}
          onValue={(on) => onValue(on ? [...others(id), id] : others(id))}
        >
          {label}
        </Check>
      ))}
      {hint && <span class="hint">{hint}</span>}
    </fieldset>
  );
}
