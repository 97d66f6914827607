// Forms whose errors stand beside the fields that they are about.
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { explain, type Explained } from "../api/errors";
import { Button } from "./button";
import { Icon } from "./icon";
import { ErrorNotice } from "./notice";

export interface Form {
  busy: boolean;
  /** What went wrong, but for what fields show. */
  failure: Explained | null;
  /** What is wrong with the member of a request. */
  errorOf(member: string): string | undefined;
  /** Of the form element. */
  submit(event: Event): void;
}

/**
 * Runs action when the form is submitted. What the server says about the members of the
 * request is shown by the fields with these names, of which the first gets the focus.
 */
export function useForm(action: () => Promise<void>): Form {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Explained | null>(null);
  const fieldFor = (name: string): string => name.replace(/\..*$/, "");

  const run = async (form: HTMLElement) => {
    setBusy(true);
    try {
      await action();
      setFailure(null);
    } catch (error) {
      setFailure(explain(error));
      requestAnimationFrame(() =>
        form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
      );
    }
    setBusy(false);
  };

  return {
    busy,
    failure,
    errorOf: (member) =>
      failure?.fields.find((f) => f.name === member || fieldFor(f.name) === member)?.message,
    submit: (event) => {
      event.preventDefault();
      if (!busy) void run(event.currentTarget as HTMLElement);
    },
  };
}

/** What went wrong with a form as a whole. It is quiet when the fields say it all. */
export function FormFailure({ form, fields = [] }: { form: Form; fields?: string[] }) {
  const { failure } = form;
  if (!failure) return null;
  const shown = (name: string) => fields.some((f) => name === f || name.startsWith(f + "."));
  if (failure.fields.length > 0 && failure.fields.every((f) => shown(f.name))) return null;
  return <ErrorNotice title={failure.title} detail={failure.detail} />;
}

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  optional?: boolean;
  /** Renders the control with what ties it to its label, hint and error. */
  children: (control: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": "true" | undefined;
  }) => ComponentChildren;
}

/** A control with its label, a hint, and what is wrong with it. */
export function Field({ label, hint, error, optional, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label} {optional && <span class="optional">(optional)</span>}
      </label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": error ? "true" : undefined,
      })}
      {error && (
        <span class="field-error" id={`${id}-error`}>
          <Icon name="alert" />
          {error}
        </span>
      )}
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

interface TextFieldProps extends Omit<FieldProps, "children"> {
  value: string;
  onValue: (value: string) => void;
  mono?: boolean;
  input?: InputHTMLAttributes<HTMLInputElement>;
}

/** A field of one line of text. */
export function TextField({ value, onValue, mono, input, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      {(control) => (
        <input
          {...control}
          class={mono ? "input mono" : "input"}
          type="text"
          autocomplete="off"
          spellcheck={false}
          {...input}
          value={value}
          onInput={(e) => onValue(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

interface SelectFieldProps extends Omit<FieldProps, "children"> {
  value: string;
  onValue: (value: string) => void;
  options: { value: string; label: string }[];
}

export function SelectField({ value, onValue, options, ...field }: SelectFieldProps) {
  return (
    <Field {...field}>
      {(control) => (
        <select
          {...control}
          class="input"
          value={value}
          onChange={(e) => onValue(e.currentTarget.value)}
        >
          {options.map((o) => (
            <option key={o.value} value={o.value}>
              {o.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  checked: boolean;
  onValue: (checked: boolean) => void;
  children: ComponentChildren;
}

export function Check({ checked, onValue, children }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(e) => onValue(e.currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}

/** Keys with values, such as tags and attributes, as a form has them: in order, with gaps. */
export type Pairs = [key: string, value: string][];

export const toPairs = (record: Record<string, string> | undefined): Pairs =>
  Object.entries(record ?? {});

/** Returns the pairs that have a key. */
export const fromPairs = (pairs: Pairs): Record<string, string> =>
  Object.fromEntries(pairs.filter(([key]) => key !== ""));

/**
 * Returns the members of after that are not as they were before: what is sent of a form. What
 * others have changed since it was filled stays as they left it.
 */
export function changesOf<T extends object>(before: T, after: T): Partial<T> {
  const all = Object.entries(after) as [keyof T, unknown][];
  const changed = all.filter(([k, value]) => JSON.stringify(value) !== JSON.stringify(before[k]));
  return Object.fromEntries(changed) as Partial<T>;
}

interface PairsFieldProps {
  legend: string;
  hint?: string;
  error?: string | undefined;
  /** What one is called, such as "tag". */
  noun: string;
  pairs: Pairs;
  onPairs: (pairs: Pairs) => void;
}

/** A field of keys with values. */
export function PairsField({ legend, hint, error, noun, pairs, onPairs }: PairsFieldProps) {
  const box = useRef<HTMLFieldSetElement>(null);
  const change = (i: number, pair: Pairs[number]) =>
    onPairs(pairs.map((p, j) => (j === i ? pair : p)));
  const add = () => {
    onPairs([...pairs, ["", ""]]);
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(".pair:last-child input")?.focus(),
    );
  };
  return (
    <fieldset class="fieldset" ref={box}>
      <legend class="legend">{legend}</legend>
      {hint && <span class="hint">{hint}</span>}
      <div class="pairs">
        {pairs.map(([key, value], i) => (
          <div class="pair" key={i}>
            <input
              class="input"
              aria-label={`Key of ${noun} ${i + 1}`}
              aria-invalid={error ? "true" : undefined}
              placeholder="Key"
              value={key}
              onInput={(e) => change(i, [e.currentTarget.value, value])}
            />
            <input
              class="input"
              aria-label={`Value of ${noun} ${i + 1}`}
              placeholder="Value"
              value={value}
              onInput={(e) => change(i, [key, e.currentTarget.value])}
            />
            <Button
              kind="quiet"
              icon="trash"
              aria-label={`Remove ${noun} ${i + 1}`}
              onClick={() => onPairs(pairs.filter((_, j) => j !== i))}
            />
          </div>
        ))}
      </div>
      {error && (
        <span class="field-error">
          <Icon name="alert" />
          {error}
        </span>
      )}
      <div>
        <Button small icon="plus" onClick={add}>
          Add {noun}
        </Button>
      </div>
    </fieldset>
  );
}
