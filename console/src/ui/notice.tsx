import type { ComponentChildren } from "preact";
import { explain } from "../api/errors";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

interface NoticeProps {
  kind?: "info" | "warn" | "bad";
  title?: string;
  children?: ComponentChildren;
}

/** A box that says something about what is near it. */
export function Notice({ kind = "info", title, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
      <Icon name={kind === "info" ? "info" : "alert"} />
      <div class="grow">
        {title && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}

export function ErrorNotice({ title, detail }: { title: string; detail: string }) {
  return (
    <Notice kind="bad" title={title}>
      {detail && <p>{detail}</p>}
    </Notice>
  );
}

/** Takes the place of what could not be loaded. */
export function LoadFailure({ error, retry }: { error: unknown; retry: () => void }) {
  const { title, detail } = explain(error);
  return (
    <Notice kind="bad" title={title}>
      {detail && <p>{detail}</p>}
      <p>
        <Button small icon="refresh" onClick={retry}>
          Try again
        </Button>
      </p>
    </Notice>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

/** Takes the place of a list that has nothing in it, and says what to do about that. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Lines that stand for what is being loaded. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="stack" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} class="skeleton" style={{ width: `${90 - ((i * 23) % 45)}%` }} />
      ))}
    </div>
  );
}
