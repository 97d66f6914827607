// What is said in the room, with what a moderator does about it.
import { DeleteMessageCommand, DisconnectUserCommand } from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { useValue } from "../../lib/state";
import { formatClock, formatDate } from "../../lib/text";
import {
  deleteMessageEvent,
  disconnectUserEvent,
  type Event,
  type Message,
  type Sender,
} from "../../messaging/room";
import type { Session } from "../../session";
import { Button } from "../../ui/button";
import { TextField, useForm } from "../../ui/form";
import { FormDialog } from "../../ui/formdialog";
import { Icon } from "../../ui/icon";
import { Empty } from "../../ui/notice";
import { Tags } from "../../ui/tags";
import { toast } from "../../ui/toast";
import { VirtualList } from "../../ui/virtuallist";
import type { LiveRoom, Row } from "./model";

/** What a moderator is about to do. */
type Act = { kind: "delete" | "disconnect"; message: Message };

interface ChatProps {
  live: LiveRoom;
  session: Session;
  room: string;
}

export function Chat({ live, session, room }: ChatProps) {
  const { first, rows } = useValue(live.log.state);
  const [active, setActive] = useState<number | null>(null);
  const [following, setFollowing] = useState(true);
  const [act, setAct] = useState<Act | null>(null);
  const activeRow = active === null ? undefined : rows[active - first];

  const key = (e: KeyboardEvent) => {
    if (activeRow?.kind !== "message" || e.target !== e.currentTarget) return;
    if (e.key === "Delete") setAct({ kind: "delete", message: activeRow.message });
  };

  return (
    <div class="live-log">
      {rows.some((row) => row.kind !== "note") || (
        <div class="live-quiet">
          <Empty icon="rooms" title="It is quiet here">
            <p>What is said in the room appears here, also what you send below.</p>
          </Empty>
        </div>
      )}
      <VirtualList
        label="Messages; arrow keys choose one"
        rows={rows}
        first={first}
        active={active}
        onActive={setActive}
        onKey={key}
        onFollow={setFollowing}
        render={(row, number, isActive) => (
          <RowView
            row={row}
            active={isActive}
            choose={() => setActive(isActive ? null : number)}
            act={(kind, message) => setAct({ kind, message })}
          />
        )}
      />
      {!following && (
        <Button
          class="live-newest"
          small
          icon="down"
          onClick={() => {
            const list = document.querySelector(".live-log .virtual");
            list?.scrollTo({ top: list.scrollHeight });
          }}
        >
          Newest
        </Button>
      )}
      {act && <ActDialog act={act} session={session} room={room} onClose={() => setAct(null)} />}
    </div>
  );
}

interface RowProps {
  row: Row;
  active: boolean;
  choose: () => void;
  act: (kind: Act["kind"], message: Message) => void;
}

function RowView({ row, active, choose, act }: RowProps) {
  switch (row.kind) {
    case "note":
      return (
        <p class="live-note">
          <time>{formatClock(row.at)}</time> {row.text}
        </p>
      );
    case "event":
      return <EventRow event={row.event} />;
    case "message":
      return (
        <MessageRow
          message={row.message}
          deleted={row.deleted}
          active={active}
          choose={choose}
          act={act}
        />
      );
  }
}

/** How many colours there are for users. */
const colours = 8;

/** Returns a number for a user that is always the same. */
function colourOf(userId: string): number {
  let sum = 0;
  for (const c of userId) sum = (sum * 31 + c.codePointAt(0)!) >>> 0;
  return sum % colours;
}

/** What applications call a user to others, by custom. */
const nameOf = (sender: Sender): string =>
  sender.attributes.displayName || sender.attributes.username || sender.userId;

interface MessageRowProps extends Omit<RowProps, "row"> {
  message: Message;
  deleted: string | null;
}

function MessageRow({ message, deleted, active, choose, act }: MessageRowProps) {
  const { sender } = message;
  const name = nameOf(sender);
  return (
    <div class="message" onClick={choose}>
      <span class={`avatar colour-${colourOf(sender.userId)}`} aria-hidden="true">
        {[...name][0]?.toUpperCase()}
      </span>
      <div class="grow">
        <div class="message-head">
          <strong class="truncate">{name}</strong>
          {name !== sender.userId && <span class="soft truncate">{sender.userId}</span>}
          <time class="soft" title={formatDate(message.sendTime)}>
            {formatClock(message.sendTime)}
          </time>
        </div>
        {deleted === null ? (
          <p class="message-text">{message.content}</p>
        ) : (
          <p class="message-text gone">
            <s>{message.content}</s> deleted{deleted && `: ${deleted}`}
          </p>
        )}
        {active && <Details message={message} />}
      </div>
      <div class="message-acts" onClick={(e) => e.stopPropagation()}>
        {deleted === null && (
          <Button
            kind="quiet"
            small
            icon="trash"
            tabIndex={active ? 0 : -1}
            aria-label="Delete message"
            onClick={() => act("delete", message)}
          />
        )}
        <Button
          kind="quiet"
          small
          icon="kick"
          tabIndex={active ? 0 : -1}
          aria-label={`Disconnect ${sender.userId}`}
          onClick={() => act("disconnect", message)}
        />
      </div>
    </div>
  );
}

function Details({ message }: { message: Message }) {
  return (
    <dl class="facts message-facts">
      <dt>Id</dt>
      <dd class="mono">{message.id}</dd>
      <Attributes label="Sender" attributes={message.sender.attributes} />
      <Attributes label="Attributes" attributes={message.attributes} />
    </dl>
  );
}

function Attributes({ label, attributes }: { label: string; attributes: Record<string, string> }) {
  if (Object.keys(attributes).length === 0) return null;
  return (
    <>
      <dt>{label}</dt>
      <dd>
        <Tags tags={attributes} />
      </dd>
    </>
  );
}

function EventRow({ event }: { event: Event }) {
  return (
    <div class="live-event">
      <Icon name="event" />
      <time class="soft">{formatClock(event.sendTime)}</time>
      <span class="grow">
        {describe(event) ?? (
          <>
            <strong>{event.name}</strong> <Tags tags={event.attributes} />
          </>
        )}
      </span>
    </div>
  );
}

/** Says what the service's own events mean. */
function describe(event: Event): string | null {
  const reason = event.attributes.Reason ? `: ${event.attributes.Reason}` : "";
  switch (event.name) {
    case deleteMessageEvent:
      return `Message ${event.attributes.MessageID} was deleted${reason}`;
    case disconnectUserEvent:
      return `${event.attributes.UserId} was disconnected${reason}`;
  }
  return null;
}

interface ActProps {
  act: Act;
  session: Session;
  room: string;
  onClose: () => void;
}

/** Asks for a reason, and does it. */
function ActDialog({ act, session, room, onClose }: ActProps) {
  const [reason, setReason] = useState("");
  const { message } = act;
  const deletes = act.kind === "delete";
  const form = useForm(async () => {
    const common = { roomIdentifier: room, ...(reason && { reason }) };
    if (deletes) {
      await session.client.send(new DeleteMessageCommand({ ...common, id: message.id }));
    } else {
      const { userId } = message.sender;
      await session.client.send(new DisconnectUserCommand({ ...common, userId }));
      toast(`${userId} was disconnected.`);
    }
    onClose();
  });
  return (
    <FormDialog
      title={deletes ? "Delete this message?" : `Disconnect ${message.sender.userId}?`}
      form={form}
      members={["reason"]}
      action={deletes ? "Delete message" : "Disconnect user"}
      kind="danger"
      onClose={onClose}
    >
      {deletes ? (
        <blockquote class="live-quote">{message.content}</blockquote>
      ) : (
        <p>All sessions of the user in this room end. With a new token, the user can come back.</p>
      )}
      <TextField
        label="Reason"
        optional
        hint="Everybody in the room is told."
        value={reason}
        onValue={setReason}
        error={form.errorOf("reason")}
        input={{ maxLength: 256 }}
      />
    </FormDialog>
  );
}
