import type { ComponentChildren } from "preact";

interface PanelProps {
  title: string;
  action?: ComponentChildren;
  children: ComponentChildren;
}

/** A box with a heading, and what can be done about what is in it. */
export function Panel({ title, action, children }: PanelProps) {
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        {action}
      </div>
      <div class="panel-body">{children}</div>
    </section>
  );
}
