// The two users of the demo, and what its pages know of each other.
import type { User } from "../api/tokens";
import type { Token } from "../messaging/room";

export const ana: User = {
  userId: "ana",
  attributes: { displayName: "Ana", role: "moderator" },
  capabilities: ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"],
  sessionMinutes: 60,
};

export const ben: User = {
  userId: "ben",
  attributes: { displayName: "Ben" },
  capabilities: ["SEND_MESSAGE"],
  sessionMinutes: 60,
};

export const users: Record<string, User> = { ana, ben };

/** The event that has hearts fly over the video. */
export const cheerEvent = "demo:cheer";

/**
 * What the page around a viewer's frame does for it, in place of an application's backend:
 * the frame itself has no access key.
 */
export interface Backend {
  token(user: User): Promise<Token>;
  /** The time by the server's clock, which the frame has no answers to learn from. */
  now(): number;
}

export interface DemoWindow extends Window {
  demoBackend?: Backend;
}
