// A token and the one connection that it is good for.
import { chatEndpoint, serverNow } from "../../api/server";
import type { User } from "../../api/tokens";
import { Log } from "../../lib/log";
import { State } from "../../lib/state";
import { randomId } from "../../lib/text";
import { Socket, type Token } from "../../messaging/socket";
import type { RawFrame } from "../../ui/frame";

export type TrialState =
  | { name: "unused" }
  | { name: "connecting" }
  | { name: "connected" }
  | { name: "closed"; reason: string }
  | { name: "refused" };

/** How many frames are kept. */
const maxFrames = 500;

export class Trial {
  readonly state = new State<TrialState>({ name: "unused" });
  readonly frames = new Log<RawFrame>(maxFrames);
  readonly token: Token;
  readonly user: User;
  readonly room: string;
  /** When the token was made, by the server's clock. */
  readonly madeAt = serverNow();
  /** When it was used; from then on it opens no other connection. */
  usedAt: number | null = null;
  #socket: Socket | null = null;
  #left = false; // while a connection was being opened, or after that

  constructor(token: Token, room: string, user: User) {
    this.token = token;
    this.room = room;
    this.user = user;
  }

  /** Connects, or finds out that the server does not let it. */
  async connect(): Promise<void> {
    this.#left = false;
    this.state.value = { name: "connecting" };
    try {
      this.#socket = await Socket.open(chatEndpoint, this.token, {
        text: (_, data) => this.frames.add({ direction: "in", data, at: new Date() }),
        closed: (_, clean, reason) => this.#closed(clean, reason),
      });
    } catch {
      this.state.value = { name: "refused" };
      return;
    }
    this.usedAt = serverNow();
    this.state.value = { name: "connected" };
    if (this.#left) this.disconnect();
  }

  say(text: string): void {
    const data = JSON.stringify({ Action: "SEND_MESSAGE", RequestId: randomId(), Content: text });
    this.frames.add({ direction: "out", data, at: new Date() });
    this.#socket?.send(data);
  }

  disconnect(): void {
    this.#left = true;
    this.#socket?.close();
  }

  #closed(clean: boolean, reason: string): void {
    this.#socket = null;
    const why = reason || (clean ? "The connection was closed." : "The connection was lost.");
    this.state.value = { name: "closed", reason: why };
  }
}
