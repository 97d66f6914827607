// How the logs of a configuration are doing, in a word.
import type { Delivery, LoggingConfiguration } from "../../api/logging";

/** How often deliveries are looked at, in milliseconds. */
export const every = 5_000;

/** Returns the deliveries that fail. */
export const failing = (deliveries: Delivery[]): Delivery[] =>
  deliveries.filter((d) => d.failingSince);

/** Returns the cause of the last error, which is at its end, and then what it was the cause of. */
export function causeOf(d: Delivery): string {
  const [what, cause] = (d.lastError ?? "").split(": ").slice(-2);
  return cause ? `${cause} (${what})` : (what ?? "");
}

export interface StatusProps {
  log: LoggingConfiguration;
  /** Those of the configuration; undefined when they are not known. */
  deliveries?: Delivery[] | undefined;
  /** The nodes that do not answer: what they deliver is not known. */
  missing?: string[] | undefined;
}

export function LogStatus({ log, deliveries, missing = [] }: StatusProps) {
  if (log.state !== "ACTIVE") {
    const bad = log.state?.endsWith("FAILED");
    const state = log.state?.toLowerCase().replace("_", " ");
    return <span class={bad ? "badge bad dot" : "badge warn dot"}>{state}</span>;
  }
  if (!deliveries || (deliveries.length === 0 && missing.length > 0)) {
    return <span class="badge good dot">active</span>;
  }
  if (failing(deliveries).length > 0) return <span class="badge bad dot">failing</span>;
  if (deliveries.length === 0) return <span class="badge">nothing logged yet</span>;
  if (deliveries.every((d) => d.delivered === 0)) return <span class="badge dot">collecting</span>;
  return <span class="badge good dot">delivering</span>;
}
