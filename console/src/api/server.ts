// Where the server is, and what it says about itself. The page is below console/ of the
// server's root, which may be below a prefix of a proxy.

export interface Settings {
  /** The regions that calls may be signed for; the first is the default. */
  regions: string[];
  /** An access key that is no secret, in development mode. */
  key?: { accessKeyId: string; secretAccessKey: string };
}

const page = new URL(document.baseURI);
const consoleAt = page.pathname.lastIndexOf("/console/");

/** What a proxy puts before the server's own paths: empty, or such as /chat. */
export const prefix = page.pathname.slice(0, consoleAt);

/** The endpoint of the control plane, for snippets and tools. */
export const endpoint = page.origin + prefix;

/** The endpoint of the messaging plane. */
export const chatEndpoint = endpoint.replace(/^http/, "ws") + "/";

let clockOffset = 0;

/** The time now by the server's clock, as exactly as HTTP tells it. */
export const serverNow = (): number => Date.now() + clockOffset;

/** How far this device's clock is from the server's, in milliseconds. */
export const clockError = (): number => -clockOffset;

/** Learns the server's clock from an answer. Dates in HTTP are cut to the second. */
export function learnClock(date: string | null): void {
  const told = date ? Date.parse(date) : NaN;
  if (Number.isNaN(told)) return;
  const offset = told + 500 - Date.now();
  clockOffset = Math.abs(offset) < 1500 ? 0 : offset;
}

/** Asks the server about itself. */
export async function loadSettings(): Promise<Settings> {
  const answer = await fetch(`${prefix}/console/settings.json`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  learnClock(answer.headers.get("date"));
  return (await answer.json()) as Settings;
}
