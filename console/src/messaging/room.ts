// A connection to a room that lasts. It gets a token for each connection, comes back when
// one is lost, and moves to the next one before a session expires, so that no message is
// missed in between. The pages, and anybody who wants a small client, use this class.
import { randomId } from "../lib/text";
import {
  disconnectUserEvent,
  parseFrame,
  sessionExpired,
  type Event,
  type Failure,
  type Frame,
  type Message,
} from "./frames";
import { Socket, type Token } from "./socket";

export type { Token } from "./socket";
export * from "./frames";

export type RoomState =
  | { name: "connecting"; attempt: number; retryAt?: number; error?: unknown }
  | { name: "connected"; token: Token; since: Date }
  | { name: "disconnected"; reason: string; error?: unknown };

export interface RoomOptions {
  url: string;
  /** Returns a new token. An error that is permanent ends the room; see PermanentError. */
  tokens: () => Promise<Token>;
  /** The time by the server's clock; the default is the device's. */
  now?: () => number;
  onState?: (state: RoomState) => void;
  /** Gets each message and event once, in the order of the room. */
  onFrame?: (frame: Message | Event) => void;
  /** Gets all that is sent and received, as it is, by all connections. */
  onRaw?: (direction: "in" | "out", data: string) => void;
}

/** Thrown by a provider of tokens: to ask again would be in vain. */
export class PermanentError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "PermanentError";
  }
}

/** The server refused a request. */
export class RequestError extends Error {
  readonly code: number;

  constructor(failure: Pick<Failure, "code" | "message">) {
    super(failure.message);
    this.name = "RequestError";
    this.code = failure.code;
  }
}

// Times, in milliseconds.
const refreshBefore = 30_000; // a session's end; never more than half of its life
const overlap = 1_000; // while two connections are read
const answerTimeout = 15_000; // for the answer to a request
const stable = 10_000; // how old a connection must get to count as success
const minBackoff = 500;
const maxBackoff = 30_000;

/** How many requests may wait for their answers. */
const maxPending = 64;

/** How many ids of frames are remembered, to know a frame that two connections bring. */
const maxSeen = 2_000;

interface Pending {
  resolve: (frame: Message | Event) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class ChatRoom {
  readonly #options: RoomOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #seen = new Set<string>();
  #state: RoomState = { name: "disconnected", reason: "new" };
  #source: Socket | null = null; // whose frames are handed on
  #next: Socket | null = null; // takes over from the source
  #held: (Message | Event)[] = []; // what next has received meanwhile
  #expired = false; // the source said so, and will close
  #failures = 0; // in a row
  #run = 0; // grows with connect and disconnect; what began before is over
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Begins to connect, unless that was done. */
  connect(): void {
    if (this.#state.name !== "disconnected") return;
    this.#run++;
    this.#failures = 0;
    addEventListener("online", this.#retryNow);
    void this.#attempt();
  }

  /** Leaves the room. */
  disconnect(): void {
    if (this.#state.name !== "disconnected") this.#end("you left");
  }

  sendMessage(content: string, attributes?: Record<string, string>): Promise<Message> {
    return this.#request("SEND_MESSAGE", {
      Content: content,
      Attributes: attributes,
    }) as Promise<Message>;
  }

  deleteMessage(id: string, reason?: string): Promise<Event> {
    return this.#request("DELETE_MESSAGE", { Id: id, Reason: reason }) as Promise<Event>;
  }

  disconnectUser(userId: string, reason?: string): Promise<Event> {
    return this.#request("DISCONNECT_USER", { UserId: userId, Reason: reason }) as Promise<Event>;
  }

  /** Sends a text as it is, whatever it says. Nothing waits for an answer. */
  sendRaw(data: string): void {
    const socket = this.#next ?? this.#source;
    if (!socket) throw new Error("There is no connection.");
    this.#options.onRaw?.("out", data);
    socket.send(data);
  }

  #request(action: string, members: Record<string, unknown>): Promise<Message | Event> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size >= maxPending) {
        return reject(new Error("Too many requests wait for their answers."));
      }
      const id = randomId();
      const timer = setTimeout(
        () => this.#settle(id)?.reject(new Error("The server did not answer.")),
        answerTimeout,
      );
      this.#pending.set(id, { resolve, reject, timer });
      try {
        this.sendRaw(JSON.stringify({ Action: action, RequestId: id, ...members }));
      } catch (error) {
        this.#settle(id)?.reject(error as Error);
      }
    });
  }

  #settle(requestId: string): Pending | undefined {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    clearTimeout(pending?.timer);
    return pending;
  }

  #change(state: RoomState): void {
    this.#state = state;
    this.#options.onState?.(state);
  }

  /** Opens a connection with a new token. Null means that the room is over meanwhile. */
  async #open(): Promise<Socket | null> {
    const run = this.#run;
    const token = await this.#options.tokens();
    if (run !== this.#run) return null;
    const socket = await Socket.open(this.#options.url, token, {
      text: (s, data) => this.#take(s, data),
      closed: (s, clean, reason) => this.#closed(s, clean, reason),
    });
    if (run === this.#run) return socket;
    socket.close();
    return null;
  }

  async #attempt(): Promise<void> {
    const run = this.#run;
    this.#change({ name: "connecting", attempt: this.#failures + 1 });
    try {
      const socket = await this.#open();
      if (!socket) return;
      if (this.#source) return socket.close(); // a renewal was faster
      this.#source = socket;
      this.#expired = false;
      this.#connected(socket);
    } catch (error) {
      if (run === this.#run && !this.#source) this.#failed(error);
    }
  }

  #connected(socket: Socket): void {
    this.#change({ name: "connected", token: socket.token, since: socket.openedAt });
    this.#refreshIn(this.#lifeLeft(socket));
  }

  #lifeLeft(socket: Socket): number {
    const now = this.#options.now ?? Date.now;
    const end = socket.token.sessionExpirationTime;
    return end ? end.getTime() - now() : Infinity;
  }

  #refreshIn(left: number): void {
    clearTimeout(this.#timer);
    if (left === Infinity) return;
    const wait = Math.max(left - Math.min(refreshBefore, left / 2), 1_000);
    this.#timer = setTimeout(() => void this.#refresh(), wait);
  }

  #failed(error: unknown): void {
    if (error instanceof PermanentError) return this.#end("no token", error.cause);
    this.#failures++;
    const limit = Math.min(minBackoff * 2 ** Math.min(this.#failures - 1, 10), maxBackoff);
    const pause = limit * (0.5 + Math.random() / 2);
    this.#change({
      name: "connecting",
      attempt: this.#failures + 1,
      retryAt: Date.now() + pause,
      error,
    });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#attempt(), pause);
  }

  readonly #retryNow = (): void => {
    if (this.#state.name !== "connecting" || this.#state.retryAt === undefined) return;
    clearTimeout(this.#timer);
    void this.#attempt();
  };

  /**
   * Opens the next connection while this one still works. Both receive the same; what the
   * next one receives is held, and handed on when the last one is closed. When this one is
   * lost meanwhile, attempts begin as well, and who is first becomes the source.
   */
  async #refresh(): Promise<void> {
    const run = this.#run;
    const last = this.#source;
    if (!last || this.#next) return;
    let next: Socket | null;
    try {
      next = await this.#open();
    } catch (error) {
      if (run !== this.#run || this.#source !== last) return;
      if (error instanceof PermanentError) return; // this session goes on to its end
      this.#refreshIn(this.#lifeLeft(last));
      return;
    }
    if (!next) return;
    if (this.#source && this.#source !== last) return next.close(); // an attempt was faster
    this.#next = next;
    if (this.#source) this.#timer = setTimeout(() => last.close(), overlap);
    else this.#takeOver();
  }

  #takeOver(): void {
    const next = this.#next!;
    this.#next = null;
    this.#source = next;
    this.#expired = false;
    const held = this.#held;
    this.#held = [];
    for (const frame of held) this.#hand(frame);
    this.#connected(next);
  }

  #take(socket: Socket, data: string): void {
    if (socket !== this.#source && socket !== this.#next) return;
    this.#options.onRaw?.("in", data);
    const frame = parseFrame(data);
    if (!frame) return;
    this.#answer(frame);
    if (frame.kind === "error") {
      if (frame.code === sessionExpired && socket === this.#source) this.#expired = true;
    } else if (socket === this.#next) {
      this.#held.push(frame);
    } else {
      this.#hand(frame);
    }
  }

  #answer(frame: Frame): void {
    const pending = frame.requestId ? this.#settle(frame.requestId) : undefined;
    if (!pending) return;
    if (frame.kind === "error") pending.reject(new RequestError(frame));
    else pending.resolve(frame);
  }

  #hand(frame: Message | Event): void {
    if (this.#seen.has(frame.id)) return;
    this.#seen.add(frame.id);
    if (this.#seen.size > maxSeen) this.#seen.delete(this.#seen.values().next().value!);
    this.#options.onFrame?.(frame);
  }

  /** A clean close is the server's last word, unless the session has expired. */
  #closed(socket: Socket, clean: boolean, reason: string): void {
    if (socket === this.#next) {
      this.#next = null; // the source receives the same
      this.#held = [];
      if (this.#source) this.#refreshIn(this.#lifeLeft(this.#source));
      return;
    }
    if (socket !== this.#source) return;
    this.#source = null;
    if (this.#next) return this.#takeOver();
    if (clean && !this.#expired) return this.#end(reason || "the server ended the session");
    if (Date.now() - socket.openedAt.getTime() > stable) this.#failures = 0;
    if (this.#expired && this.#failures === 0) void this.#attempt();
    else this.#failed(undefined);
  }

  #end(reason: string, error?: unknown): void {
    this.#run++;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#retryNow);
    this.#source?.close();
    this.#next?.close();
    this.#source = this.#next = null;
    this.#held = [];
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(new Error("The room was left."));
    }
    this.#change({ name: "disconnected", reason, error });
  }
}

/** Whether an event says that a user was disconnected. */
export const disconnects = (frame: Event, userId: string): boolean =>
  frame.name === disconnectUserEvent && frame.attributes.UserId === userId;
