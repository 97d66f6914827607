import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { FormFailure, TextField, useForm, type Form } from "./form";

interface FormDialogProps {
  title: string;
  form: Form;
  /** The members of a request that have fields in the form. */
  members?: string[];
  /** What the button says that submits the form. */
  action: string;
  kind?: "primary" | "danger";
  /** Whether the form may be submitted. */
  ready?: boolean;
  onClose: () => void;
  /** The fields. */
  children: ComponentChildren;
}

/**
 * A dialog with a form in it. Once that is submitted, the dialog stays until the answer is
 * there, so that nobody is left to guess what became of it.
 */
export function FormDialog(props: FormDialogProps) {
  const { title, form, members, action, kind = "primary", ready = true, onClose } = props;
  return (
    <Dialog title={title} busy={form.busy} onClose={onClose}>
      <form class="stack" onSubmit={form.submit}>
        {props.children}
        <FormFailure form={form} fields={members} />
        <div class="actions">
          <Button disabled={form.busy} onClick={onClose}>
            Cancel
          </Button>
          <Button kind={kind} type="submit" busy={form.busy} disabled={!ready}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says, such as "Delete room". */
  action: string;
  /** What has to be typed. */
  typed: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog({ typed, onConfirm, children, ...dialog }: ConfirmProps) {
  const [text, setText] = useState("");
  const form = useForm(onConfirm);
  return (
    <FormDialog {...dialog} form={form} kind="danger" ready={text === typed}>
      <div>{children}</div>
      <TextField label={`Type ${typed} to confirm`} value={text} onValue={setText} />
    </FormDialog>
  );
}
