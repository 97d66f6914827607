// The two clocks of a token: by when it has to be used, and when its session ends.
import type { ComponentChildren } from "preact";
import { serverNow } from "../../api/server";
import { useValue } from "../../lib/state";
import { formatClock, formatLeft } from "../../lib/text";
import { useTick } from "../../lib/tick";
import type { Trial } from "./trial";

export function Clocks({ trial }: { trial: Trial }) {
  useTick(250);
  useValue(trial.state);
  const { tokenExpirationTime, sessionExpirationTime } = trial.token;
  return (
    <div class="clocks">
      {tokenExpirationTime && <TokenClock trial={trial} end={tokenExpirationTime} />}
      {sessionExpirationTime && <SessionClock trial={trial} end={sessionExpirationTime} />}
    </div>
  );
}

function TokenClock({ trial, end }: { trial: Trial; end: Date }) {
  const { usedAt, madeAt } = trial;
  const left = end.getTime() - (usedAt ?? serverNow());
  const share = left / (end.getTime() - madeAt);
  if (usedAt !== null) {
    return (
      <Clock title="Time to connect" value="used" kind="good" share={share}>
        At {formatClock(new Date(usedAt))}. It opens no other connection.
      </Clock>
    );
  }
  return (
    <Clock
      title="Time to connect"
      value={left > 0 ? formatLeft(left) : "expired"}
      kind={left > 0 ? "running" : "over"}
      share={share}
    >
      {left > 0 ? `Until ${formatClock(end)}, and once.` : "Mint another one."}
    </Clock>
  );
}

function SessionClock({ trial, end }: { trial: Trial; end: Date }) {
  const left = end.getTime() - serverNow();
  return (
    <Clock
      title="Session"
      value={left > 0 ? formatLeft(left) : "over"}
      kind={left > 0 ? "running" : "over"}
      share={left / (end.getTime() - trial.madeAt)}
    >
      {left > 0 ? "The connection ends" : "It ended"} at {formatClock(end)}.
    </Clock>
  );
}

interface ClockProps {
  title: string;
  value: string;
  kind: "running" | "good" | "over";
  /** How much of the time is left, from 0 to 1. */
  share: number;
  children: ComponentChildren;
}

function Clock({ title, value, kind, share, children }: ClockProps) {
  const width = Math.min(1, Math.max(0, share)) * 100;
  return (
    <div class={`clock ${kind}`} role="group" aria-label={title}>
      <h3>{title}</h3>
      <p class="clock-value">{value}</p>
      <div class="clock-bar">
        <div style={{ width: `${width}%` }} />
      </div>
      <p class="hint">{children}</p>
    </div>
  );
}
