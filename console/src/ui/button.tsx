import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { copyText } from "../lib/text";
import { Icon, type IconName } from "./icon";
import { toast } from "./toast";

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "size"> {
  kind?: "primary" | "danger" | "quiet" | undefined;
  icon?: IconName;
  small?: boolean;
  /** Something is going on: the button shows that, and cannot be used. */
  busy?: boolean;
  children?: ComponentChildren;
}

/** A button. One with an icon alone needs an aria-label, which is its title as well. */
export function Button({ kind, icon, small, busy, children, class: extra, ...rest }: ButtonProps) {
  const classes = ["button", kind, small && "small", !children && "icon", extra];
  return (
    <button
      type="button"
      title={children ? undefined : (rest["aria-label"] as string)}
      {...rest}
      class={classes.filter(Boolean).join(" ")}
      aria-disabled={busy ? "true" : undefined}
      onClick={busy ? (e) => e.preventDefault() : rest.onClick}
    >
      {busy ? <span class="spinner" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Copies a text. label says what that is, such as "ARN". */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    copyText(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      },
      (error: Error) => toast(error.message, "bad"),
    );
  return (
    <Button
      kind="quiet"
      small
      icon={copied ? "check" : "copy"}
      aria-label={copied ? "Copied" : `Copy ${label}`}
      onClick={() => void copy()}
    />
  );
}

/** A text in letters of one width, with a button that copies it. */
export function Copyable({ text, label }: { text: string; label: string }) {
  return (
    <span class="copyable">
      <span class="mono truncate" title={text}>
        {text}
      </span>
      <CopyButton text={text} label={label} />
    </span>
  );
}
