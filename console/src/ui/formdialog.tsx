import type { ComponentChildren } from "preact";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { FormFailure, type Form } from "./form";

interface FormDialogProps {
  title: string;
  form: Form;
  /** The members of a request that have fields in the form. */
  members: string[];
  /** What the button says that submits the form. */
  action: string;
  onClose: () => void;
  /** The fields. */
  children: ComponentChildren;
}

/** A dialog with a form in it. */
export function FormDialog({ title, form, members, action, onClose, children }: FormDialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={form.submit}>
        {children}
        <FormFailure form={form} fields={members} />
        <div class="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={form.busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
