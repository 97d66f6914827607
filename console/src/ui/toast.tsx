// Short messages about what was done, in a corner of the page.
import { useEffect, useRef } from "preact/hooks";
import { State, useValue } from "../lib/state";
import { explain } from "../api/errors";
import { Button } from "./button";
import { Icon } from "./icon";

interface Toast {
  id: number;
  text: string;
  kind: "good" | "bad";
}

/** How many are shown, and for how long, in milliseconds. */
const maxToasts = 4;
const shownFor = { good: 4_000, bad: 10_000 };

const toasts = new State<Toast[]>([]);
let count = 0;

export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const id = ++count;
  toasts.value = [...toasts.value, { id, text, kind }].slice(-maxToasts);
  setTimeout(() => remove(id), shownFor[kind]);
}

/** Tells of an error of a call. */
export function toastError(error: unknown): void {
  const { title, detail } = explain(error);
  toast(detail ? `${title}. ${detail}` : title, "bad");
}

function remove(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

export function Toasts() {
  const shown = useValue(toasts);
  const box = useRef<HTMLDivElement>(null);
  // It is always shown, so that what comes into it is read out. One that is shown again
  // comes before a dialog that was opened meanwhile.
  useEffect(() => {
    const element = box.current;
    if (!element?.showPopover) return;
    if (element.matches(":popover-open")) element.hidePopover();
    element.showPopover();
  }, [shown]);
  return (
    <div class="toasts" ref={box} popover="manual" role="status" aria-live="polite">
      {shown.map((t) => (
        <div key={t.id} class={`toast ${t.kind}`}>
          <Icon name={t.kind === "good" ? "check" : "alert"} />
          <span class="grow">{t.text}</span>
          <Button kind="quiet" small icon="close" aria-label="Dismiss" onClick={() => remove(t.id)} />
        </div>
      ))}
    </div>
  );
}
