// Every page of the console. A page is a component in a file of its own, which is loaded
// when it is first shown; console/README.md says how to add one.
import type { ComponentType } from "preact";
import type { IconName } from "./ui/icon";
import type { Session } from "./session";

export interface PageProps {
  session: Session;
  /** What the address says in the places that the pattern names. */
  parameters: Record<string, string>;
  query: URLSearchParams;
}

type Page = ComponentType<PageProps>;

export interface Route {
  pattern: string;
  load: () => Promise<{ default: Page }>;
}

export const routes: Route[] = [
  { pattern: "/overview", load: () => import("./pages/overview/overview") },
  { pattern: "/rooms", load: () => import("./pages/rooms/list") },
  { pattern: "/rooms/:room", load: () => import("./pages/rooms/room") },
  { pattern: "/rooms/:room/live", load: () => import("./pages/live/live") },
  { pattern: "/logs", load: () => import("./pages/logs/list") },
  { pattern: "/logs/:log", load: () => import("./pages/logs/log") },
  { pattern: "/token", load: () => import("./pages/token/token") },
  { pattern: "/integrate", load: () => import("./pages/integrate/integrate") },
];

export interface NavEntry {
  /** The page's address, and that of the pages below it. */
  path: string;
  label: string;
  icon: IconName;
}

/** Where the console opens: everybody may see it, and a newcomer begins there. */
export const home = "/rooms";

/** What the sidebar leads to, in its order. */
export const navigation: NavEntry[] = [
  { path: "/overview", label: "Overview", icon: "overview" },
  { path: "/rooms", label: "Rooms", icon: "rooms" },
  { path: "/logs", label: "Chat logs", icon: "logs" },
  { path: "/token", label: "Token workbench", icon: "token" },
  { path: "/integrate", label: "Integrate", icon: "code" },
];
