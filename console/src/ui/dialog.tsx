import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { FormFailure, TextField, useForm } from "./form";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A dialog, open as long as it is rendered. The first field has the focus, which stays inside
 * until Escape closes the dialog.
 */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current!;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector<HTMLElement>(".dialog-body :is(input, select, textarea)")?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      class="dialog"
      ref={element}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon="close" aria-label="Close" onClick={onClose} />
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says, such as "Delete room". */
  action: string;
  /** What has to be typed; nothing when it is left out. */
  typed?: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog({ title, action, typed, onConfirm, onClose, children }: ConfirmProps) {
  const [text, setText] = useState("");
  const form = useForm(onConfirm);
  const ready = !typed || text === typed;
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(e) => (ready ? form.submit(e) : e.preventDefault())}>
        <div>{children}</div>
        {typed && (
          <TextField
            label={`Type ${typed} to confirm`}
            value={text}
            onValue={setText}
          />
        )}
        <FormFailure form={form} />
        <div class="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={form.busy} disabled={!ready}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
