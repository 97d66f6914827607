// A user in the demo's room: what is said there, and what the user says.
import type { User } from "../api/tokens";
import { Log } from "../lib/log";
import { State } from "../lib/state";
import {
  ChatRoom,
  PermanentError,
  deleteMessageEvent,
  disconnectUserEvent,
  type Event,
  type Message,
  type RoomState,
} from "../messaging/room";
import { cheerEvent, users, type Backend } from "./users";

export type Line =
  | { kind: "message"; message: Message; deleted: boolean }
  | { kind: "note"; text: string };

const nameOf = (userId = ""): string => users[userId]?.attributes.displayName ?? userId;

/** How many lines are kept. */
const maxLines = 500;

export class Visit {
  readonly user: User;
  readonly lines = new Log<Line>(maxLines);
  readonly state = new State<RoomState>({ name: "connecting", attempt: 1 });
  /** Why the last request failed. */
  readonly problem = new State("");
  readonly #room: ChatRoom;
  readonly #backend: Backend;
  readonly #onCheer: () => void;

  /** Enters the room. onCheer is called for each cheer. */
  constructor(url: string, user: User, backend: Backend, onCheer: () => void) {
    this.user = user;
    this.#backend = backend;
    this.#onCheer = onCheer;
    this.#room = new ChatRoom({
      url,
      now: () => this.now(),
      tokens: () => this.#token(),
      onState: (state) => this.#changed(state),
      onFrame: (frame) => this.#take(frame),
    });
    this.come();
  }

  /** Enters the room again. */
  come(): void {
    this.#room.connect();
  }

  leave(): void {
    this.#room.disconnect();
  }

  /** The time by the server's clock. */
  now(): number {
    return this.#backend.now();
  }

  /** Says something, and returns whether that worked. */
  say(text: string): Promise<boolean> {
    return this.#try(() => this.#room.sendMessage(text));
  }

  delete(id: string): Promise<boolean> {
    return this.#try(() => this.#room.deleteMessage(id, "not nice"));
  }

  disconnect(userId: string): Promise<boolean> {
    return this.#try(() => this.#room.disconnectUser(userId, "not nice"));
  }

  async #try(action: () => Promise<unknown>): Promise<boolean> {
    this.problem.value = "";
    try {
      await action();
      return true;
    } catch (error) {
      this.problem.value = (error as Error).message;
      return false;
    }
  }

  /** The errors of another page are of that page's classes. */
  async #token() {
    try {
      return await this.#backend.token(this.user);
    } catch (error) {
      const { name, cause } = error as Error;
      throw name === "PermanentError" ? new PermanentError(cause) : error;
    }
  }

  #changed(state: RoomState): void {
    const before = this.state.value.name;
    this.state.value = state;
    if (state.name === "connected" && before !== "connected") {
      this.#note(`Welcome to the chat, ${this.user.attributes.displayName}.`);
    } else if (before === "connected" && state.name === "connecting") {
      this.#note("The connection was lost. It comes back by itself.");
    }
  }

  #note(text: string): void {
    this.lines.add({ kind: "note", text });
  }

  #take(frame: Message | Event): void {
    if (frame.kind === "message") {
      this.lines.add({ kind: "message", message: frame, deleted: false });
      return;
    }
    switch (frame.name) {
      case cheerEvent:
        this.#onCheer();
        return this.#note("The backend sent a cheer.");
      case deleteMessageEvent:
        return this.lines.replace(
          (line) => line.kind === "message" && line.message.id === frame.attributes.MessageID,
          (line) => ({ ...line, deleted: true }),
        );
      case disconnectUserEvent:
        return this.#note(`${nameOf(frame.attributes.UserId)} was disconnected.`);
    }
  }
}
