// A message as it is written. It leaves the field when it is sent, so that the next one can
// be typed while it is on its way.
import { useState } from "preact/hooks";

export interface Draft {
  text: string;
  write: (text: string) => void;
  /** Of the form element: sends the text, if there is one. */
  submit: (event: Event) => void;
}

/**
 * Returns a draft. send says whether a text was sent; one that was not is put back, before
 * what was typed since.
 */
export function useDraft(send: (text: string) => Promise<boolean>): Draft {
  const [text, write] = useState("");
  const submit = async () => {
    if (!text) return;
    write("");
    if (!(await send(text))) write((since) => (since ? `${text} ${since}` : text));
  };
  return {
    text,
    write,
    submit: (event) => {
      event.preventDefault();
      void submit();
    },
  };
}
