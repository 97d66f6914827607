// Small things about text, times and the clipboard.

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

const small = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const large = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** Formats a number for a place with little room: 0.4, 87, 9,999, 12.3K. */
export const formatShort = (n: number): string =>
  Math.abs(n) >= 10_000 ? large.format(n) : n >= 100 ? whole.format(n) : small.format(n);

const byteUnits = ["B", "kB", "MB", "GB", "TB"];

/** Formats a size, such as 1.4 MB. */
export function formatBytes(n: number): string {
  let unit = 0;
  for (; n >= 1000 && unit < byteUnits.length - 1; unit++) n /= 1000;
  return `${n >= 100 ? whole.format(n) : small.format(n)} ${byteUnits[unit]}`;
}

/** Formats how long something took, such as 0.3 s, 12 s, 5 min or 3 h. */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${small.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  return `${small.format(seconds / 3600)} h`;
}

export const formatDate = (at: Date): string => absolute.format(at);
export const formatClock = (at: Date): string => clock.format(at);
export const formatNumber = (n: number): string => whole.format(n);

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** Says how long ago a time is, such as "3 hours ago". After a month it says the date. */
export function formatAgo(at: Date, now: number): string {
  const seconds = Math.round((at.getTime() - now) / 1000);
  if (Math.abs(seconds) > 30 * 86400) return absolute.format(at);
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 10 ? "just now" : relative.format(seconds, "second");
}

/** Formats a time that is left, such as 4:09 or 1:00:00. What is over is 0:00. */
export function formatLeft(milliseconds: number): string {
  const all = Math.max(0, Math.ceil(milliseconds / 1000));
  const pad = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours > 0
    ? `${hours}:${pad(minutes)}:${pad(all % 60)}`
    : `${minutes}:${pad(all % 60)}`;
}

/** Counts as the server does: code points. */
export const countCodePoints = (text: string): number => [...text].length;

/** Copies a text. Pages without TLS have no clipboard but the old way. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  // In a dialog, what is outside of it cannot be selected.
  const parent = document.querySelector("dialog[open]") ?? document.body;
  parent.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser did not copy the text.");
}

/** Returns a random UUID. crypto.randomUUID does not exist in pages without TLS. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
