// What the live page knows of a room: the connection, what was said, and how fast.
import { chatEndpoint, serverNow } from "../../api/server";
import { provideToken, type User } from "../../api/tokens";
import { Log } from "../../lib/log";
import { State } from "../../lib/state";
import {
  ChatRoom,
  deleteMessageEvent,
  type Event,
  type Message,
  type RoomState,
} from "../../messaging/room";
import type { Session } from "../../session";
import type { RawFrame } from "../../ui/frame";

/** Who the page is at first. */
export const newcomer: User = {
  userId: "console",
  attributes: { displayName: "Console" },
  capabilities: ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"],
  sessionMinutes: 60,
};

export type Row =
  | { kind: "message"; message: Message; deleted: string | null }
  | { kind: "event"; event: Event }
  | { kind: "note"; text: string; at: Date };

/** How many rows and raw frames are kept. */
const maxRows = 4_000;
const maxRaw = 1_000;

/** Over how many seconds the rate is taken. */
const rateSeconds = 5;

export class LiveRoom {
  readonly log = new Log<Row>(maxRows);
  readonly raw = new Log<RawFrame>(maxRaw);
  readonly state = new State<RoomState>({ name: "disconnected", reason: "new" });
  readonly user = new State<User>(newcomer);
  #room: ChatRoom;
  readonly #session: Session;
  readonly #arn: string;
  #arrivals: number[] = []; // when messages of the last seconds came

  constructor(session: Session, arn: string) {
    this.#session = session;
    this.#arn = arn;
    this.#room = this.#connect();
  }

  get room(): ChatRoom {
    return this.#room;
  }

  /** Leaves the room, and joins it as another user, or as the same one again. */
  join(user: User): void {
    this.#room.disconnect();
    this.user.value = user;
    this.#room = this.#connect();
  }

  close(): void {
    this.#room.disconnect();
  }

  /** Returns how many messages came in a second, of late. */
  rate(): number {
    const since = performance.now() - rateSeconds * 1000;
    this.#arrivals = this.#arrivals.filter((at) => at >= since);
    return this.#arrivals.length / rateSeconds;
  }

  #connect(): ChatRoom {
    const user = this.user.value;
    const room: ChatRoom = new ChatRoom({
      url: chatEndpoint,
      now: serverNow,
      tokens: () => provideToken(this.#session.client, this.#arn, user),
      onState: (state) => room === this.#room && this.#changed(state),
      onFrame: (frame) => this.#take(frame),
      onRaw: (direction, data) => this.raw.add({ direction, data, at: new Date() }),
    });
    this.#room = room;
    room.connect();
    return room;
  }

  #changed(state: RoomState): void {
    const before = this.state.value;
    this.state.value = state;
    const who = this.user.value.userId;
    if (state.name === "connected") {
      if (before.name === "connected") this.#note("The session was renewed; nothing was missed.");
      else this.#note(`You are in the room as ${who}.`);
    } else if (before.name === "connected" && state.name === "connecting") {
      this.#note("The connection was lost. Messages sent now are missed.");
    } else if (before.name !== "disconnected" && state.name === "disconnected") {
      this.#note(`You are out of the room: ${state.reason}.`);
    }
  }

  #note(text: string): void {
    this.log.add({ kind: "note", text, at: new Date() });
  }

  #take(frame: Message | Event): void {
    if (frame.kind === "message") {
      this.#arrivals.push(performance.now());
      if (this.#arrivals.length > 5_000) this.rate();
      this.log.add({ kind: "message", message: frame, deleted: null });
      return;
    }
    if (frame.name === deleteMessageEvent) {
      const id = frame.attributes.MessageID ?? frame.attributes.MessageId;
      this.log.replace(
        (row) => row.kind === "message" && row.message.id === id,
        (row) => ({ ...row, deleted: frame.attributes.Reason ?? "" }),
      );
    }
    this.log.add({ kind: "event", event: frame });
  }
}
