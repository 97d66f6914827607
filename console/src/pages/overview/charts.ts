// Which charts the overview has, and the lines that they show.
import { formatDuration, formatShort } from "../../lib/text";
import { maxLines, type Line } from "../../ui/chart";
import { sum, type Figures, type Sample } from "./history";

/** The values of a node by the names of lines, or undefined when they are not known. */
type Values = Record<string, number> | undefined;

export interface Spec {
  title: string;
  hint: string;
  /** What is said when there are no lines. Default that nothing is known. */
  empty?: string;
  format: (value: number) => string;
  values: (f: Figures) => Values;
  /** Of several values for one line. Default their sum. */
  combine?: (values: number[]) => number;
  /** Lines that have a colour of their own. */
  colours?: Record<string, number>;
}

const renamed = (kinds: Record<string, number> | undefined, names: Record<string, string>): Values =>
  kinds && Object.fromEntries(Object.entries(kinds).map(([k, v]) => [names[k] ?? k, v]));

const actions = {
  SEND_MESSAGE: "messages",
  SEND_EVENT: "events",
  DELETE_MESSAGE: "deletions",
  DISCONNECT_USER: "disconnections",
};

const outcomes = {
  allow: "allowed",
  deny: "denied",
  fallback_allow: "allowed, handler failed",
  fallback_deny: "denied, handler failed",
};

export const specs: Spec[] = [
  {
    title: "Connections",
    hint: "sessions open",
    format: formatShort,
    values: (f) => ({ sessions: f.connections }),
  },
  {
    title: "Messages in",
    hint: "a second",
    empty: "Nobody has sent anything yet.",
    format: formatShort,
    values: (f) => renamed(f.rates?.messages, actions),
    colours: { messages: 1, events: 2, deletions: 3, disconnections: 4 },
  },
  {
    title: "Deliveries",
    hint: "to sessions, a second",
    format: formatShort,
    values: (f) => f.rates && { deliveries: f.rates.deliveries },
  },
  {
    title: "Refusals",
    hint: "by code, a second",
    empty: "Nothing was refused.",
    format: formatShort,
    values: (f) => renamed(f.rates?.refusals, { handshake: "handshakes" }),
  },
  {
    title: "Review outcomes",
    hint: "messages a second",
    empty: "No message was reviewed.",
    format: formatShort,
    values: (f) => renamed(f.rates?.reviews, outcomes),
    colours: { allowed: 5, denied: 7, "allowed, handler failed": 3, "denied, handler failed": 4 },
  },
  {
    title: "Log lag",
    hint: "age of the oldest record to deliver",
    empty: "Nothing was logged.",
    format: formatDuration,
    values: (f) => (f.lag === undefined ? undefined : { "oldest record": f.lag }),
    combine: (values) => Math.max(...values),
  },
];

/** What a node is called. The only one has no name. */
export const nameOf = (node: string): string => node || "this server";

/** The name of a line for what has no line of its own. */
const others = "others";

/** Returns the lines of a chart: those of the server as a whole, or one for each node. */
export function linesOf(spec: Spec, samples: readonly Sample[], byNode: boolean): Line[] {
  const combine = spec.combine ?? sum;
  const columns = samples.map((s) => {
    const column = new Map<string, number[]>();
    for (const [node, figures] of s.nodes) {
      for (const [name, value] of Object.entries(spec.values(figures) ?? {})) {
        const line = byNode ? nameOf(node) : name;
        column.set(line, [...(column.get(line) ?? []), value]);
      }
    }
    return column;
  });
  const names = [...new Set(columns.flatMap((c) => [...c.keys()]))].sort(byColour(spec));
  const own = names.length > maxLines ? names.slice(0, maxLines - 1) : names;
  const lines = own.map((name, i) => ({
    name,
    colour: (!byNode && spec.colours?.[name]) || (i % maxLines) + 1,
    values: columns.map((c) => (c.has(name) ? combine(c.get(name)!) : null)),
  }));
  if (own.length === names.length) return lines;
  const rest = names.slice(own.length);
  const values = columns.map((c) => {
    const found = rest.flatMap((name) => c.get(name) ?? []);
    return found.length > 0 ? combine(found) : null;
  });
  return [...lines, { name: others, colour: maxLines, values }];
}

/** Lines with colours of their own come first, in the order of these. */
const byColour =
  ({ colours = {} }: Spec) =>
  (a: string, b: string): number =>
    (colours[a] ?? maxLines) - (colours[b] ?? maxLines) || a.localeCompare(b);
