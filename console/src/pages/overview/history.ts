// What the server's figures were in the last minutes.
import type { Metric, ServerMetrics } from "../../api/metrics";

/** How much is kept: this many readings, and none that is older than this, in seconds. */
export const maxSamples = 450;
export const maxAge = 900;

/** A longer time between two readings, in seconds, is a gap: nobody knows what was in it. */
const gap = 15;

/** What a node says of itself now. */
export interface Gauges {
  connections: number;
  /** The most sessions at once in the last minute or two. */
  peak: number;
  /** How many sessions it takes; undefined is no limit. */
  limit: number | undefined;
  rooms: number;
  /** The age of the oldest chat log record that is not delivered; undefined if none is logged. */
  lag: number | undefined;
  memory: number;
}

/** Counts, or what they grew by in a second. What has kinds is by kind. */
export interface Counts {
  messages: Record<string, number>;
  deliveries: number;
  refusals: Record<string, number>;
  reviews: Record<string, number>;
  calls: number;
  cpu: number; // seconds
}

export interface Figures extends Gauges {
  /** Undefined when there is nothing to compare with: after the start, and after a gap. */
  rates: Counts | undefined;
}

export interface Sample {
  at: number; // seconds since 1970
  nodes: Map<string, Figures>;
  /** The names of other nodes, which did not answer. */
  missing: string[];
}

interface Reading {
  at: number;
  counts: Counts;
}

export class History {
  #samples: readonly Sample[] = [];
  #last = new Map<string, Reading>();

  /** The samples by time. It is another array after each change. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  add(told: ServerMetrics): void {
    const at = Date.parse(told.time) / 1000;
    const before = this.#samples.at(-1)?.at ?? at;
    if (at < before) this.#samples = []; // a clock that was set back
    const readings = new Map<string, Reading>();
    const nodes = new Map<string, Figures>();
    for (const { node, metrics } of told.nodes) {
      const counts = countsOf(metrics);
      readings.set(node, { at, counts });
      nodes.set(node, { ...gaugesOf(metrics), rates: ratesOf(this.#last.get(node), at, counts) });
    }
    this.#last = readings;
    const nothing = { at: before + 1, nodes: new Map<string, Figures>(), missing: [] };
    const gaps = at - before > gap ? [nothing] : [];
    this.#samples = [...this.#samples, ...gaps, { at, nodes, missing: told.missing ?? [] }]
      .slice(-maxSamples)
      .filter((s) => s.at >= at - maxAge);
  }
}

function gaugesOf(metrics: Metric[]): Gauges {
  const all = (name: string) => metrics.filter((m) => m.name === name).map((m) => m.value);
  const lags = all("parley_log_lag_seconds");
  return {
    connections: all("parley_connections")[0] ?? 0,
    peak: all("parley_connections_peak")[0] ?? 0,
    limit: all("parley_connections_limit")[0],
    rooms: all("parley_open_rooms")[0] ?? 0,
    lag: lags.length > 0 ? Math.max(...lags) : undefined,
    memory: all("process_resident_memory_bytes")[0] ?? 0,
  };
}

/** Handshakes that were refused. Those that were none, as of scanners, do not count. */
const refusedHandshake = (m: Metric): boolean =>
  m.name === "parley_handshakes_total" && !["ok", "invalid"].includes(m.labels?.outcome ?? "");

function countsOf(metrics: Metric[]): Counts {
  const counts: Counts = { messages: {}, deliveries: 0, refusals: {}, reviews: {}, calls: 0, cpu: 0 };
  const count = (kinds: Record<string, number>, kind: string | undefined, value: number) => {
    kinds[kind ?? ""] = (kinds[kind ?? ""] ?? 0) + value;
  };
  for (const m of metrics) {
    if (m.name === "parley_requests_total") count(counts.messages, m.labels?.action, m.value);
    if (m.name === "parley_refusals_total") count(counts.refusals, m.labels?.code, m.value);
    if (m.name === "parley_review_results_total") count(counts.reviews, m.labels?.result, m.value);
    if (m.name === "parley_deliveries_total") counts.deliveries += m.value;
    if (m.name === "parley_api_duration_seconds_count") counts.calls += m.value;
    if (m.name === "process_cpu_seconds_total") counts.cpu += m.value;
    if (refusedHandshake(m)) count(counts.refusals, "handshake", m.value);
  }
  return counts;
}

function ratesOf(before: Reading | undefined, at: number, now: Counts): Counts | undefined {
  const seconds = before ? at - before.at : 0;
  if (!before || seconds <= 0 || seconds > gap) return undefined;
  // A node that was started anew counts from 0.
  const rate = (old: number, value: number) => (value < old ? value : value - old) / seconds;
  const rates = (old: Record<string, number>, values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).map(([k, value]) => [k, rate(old[k] ?? 0, value)]));
  const old = before.counts;
  return {
    messages: rates(old.messages, now.messages),
    deliveries: rate(old.deliveries, now.deliveries),
    refusals: rates(old.refusals, now.refusals),
    reviews: rates(old.reviews, now.reviews),
    calls: rate(old.calls, now.calls),
    cpu: rate(old.cpu, now.cpu),
  };
}

export const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const n of numbers) total += n;
  return total;
};

/** Adds up what has kinds. */
export const sumOf = (kinds: Record<string, number>): number => sum(Object.values(kinds));
