// The address of a page is in the part after #, which no server sees: so the console works
// below any prefix, and every page can be reloaded and bookmarked.
import { useEffect, useRef } from "preact/hooks";
import { State } from "./lib/state";

/** Where the browser is: /rooms/abc?tab=live is the path /rooms/abc and its query. */
export interface Place {
  path: string;
  query: URLSearchParams;
}

function read(): Place {
  const [path = "", query] = location.hash.replace(/^#/, "").split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

export const place = new State<Place>(read());
addEventListener("hashchange", () => (place.value = read()));

/** Returns the href of a page. The parts of the path are encoded. */
export function href(parts: string[], query: Record<string, string> = {}): string {
  const path = "#/" + parts.map(encodeURIComponent).join("/");
  const filled = Object.entries(query).filter(([, value]) => value !== "");
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
}

/** Goes to a page. With replace, the last one is not in the history. */
export function go(target: string, replace = false): void {
  if (replace) location.replace(target);
  else location.hash = target;
}

/**
 * Returns a go for after an answer, which may come late: it leads nowhere once the component
 * is gone, since the user is then on another page.
 */
export function useGo(): (target: string) => void {
  const gone = useRef(false);
  useEffect(() => () => void (gone.current = true), []);
  return (target) => {
    if (!gone.current) go(target);
  };
}

/** Compares a path with a pattern such as /rooms/:room, and returns its parameters. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = decode(given[i]!);
    if (part.startsWith(":")) parameters[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return parameters;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
