// A room live: what is said in it, and what can be done about that.
import { useEffect, useMemo, useState } from "preact/hooks";
import { explain } from "../../api/errors";
import { getRoom, titleOf, type Room } from "../../api/rooms";
import { serverNow } from "../../api/server";
import { PageHead } from "../../app";
import { useLoad } from "../../lib/load";
import { useValue } from "../../lib/state";
import { formatLeft } from "../../lib/text";
import { useTick } from "../../lib/tick";
import type { PageProps } from "../../pages";
import { href } from "../../router";
import type { Session } from "../../session";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { Missing } from "../rooms/room";
import { RoomTabs } from "../rooms/tabs";
import { Chat } from "./chat";
import { Composer } from "./composer";
import { EventPanel } from "./event";
import { FramesPanel } from "./frames";
import "./live.css";
import { LiveRoom } from "./model";
import { UserPanel } from "./user";

const views = [
  { id: "chat", label: "Chat" },
  { id: "user", label: "User" },
  { id: "event", label: "Event" },
  { id: "frames", label: "Frames" },
] as const;

type View = (typeof views)[number]["id"];

export default function LivePage({ session, parameters }: PageProps) {
  const arn = parameters.room!;
  const room = useLoad((abort) => getRoom(session.client, arn, abort), [session.client, arn]);
  if (!room.data) return <Missing error={room.error} retry={room.reload} />;
  return <Live session={session} room={room.data} />;
}

function Live({ session, room }: { session: Session; room: Room }) {
  const live = useMemo(() => new LiveRoom(session, room.arn!), [session, room.arn]);
  useEffect(() => () => live.close(), [live]);
  // On a phone there is place for one view; on a desktop, the chat is always there.
  const [view, setView] = useState<View>("chat");
  const side = view === "chat" ? "user" : view;
  return (
    <div class="page wide live">
      <PageHead
        title={titleOf(room)}
        crumbs={[{ label: "Rooms", href: href(["rooms"]) }]}
      >
        <Status live={live} />
      </PageHead>
      <RoomTabs room={room.arn!} />
      <div class="segments live-views" role="group" aria-label="View">
        {views.map((v) => (
          <button
            key={v.id}
            type="button"
            class={v.id === "chat" ? "only-phone" : undefined}
            aria-pressed={v.id === view || (v.id === side && view === "chat" && "mixed")}
            onClick={() => setView(v.id)}
          >
            {v.label}
          </button>
        ))}
      </div>
      <div class={`live-grid show-${view === "chat" ? "chat" : "side"}`}>
        <section class="panel live-chat" aria-label="Chat">
          <Trouble live={live} />
          <Chat live={live} session={session} room={room.arn!} />
          <Composer live={live} limit={room.maximumMessageLength ?? 500} />
        </section>
        <section class="panel live-side" aria-label={views.find((v) => v.id === side)!.label}>
          {side === "user" && <UserPanel live={live} />}
          {side === "event" && <EventPanel session={session} room={room.arn!} />}
          {side === "frames" && <FramesPanel live={live} />}
        </section>
      </div>
    </div>
  );
}

/** Says whether there is a connection, how long it will last, and how much is going on. */
function Status({ live }: { live: LiveRoom }) {
  const state = useValue(live.state);
  useTick(1000);
  const rate = live.rate();
  const end = state.name === "connected" ? state.token.sessionExpirationTime : undefined;
  return (
    <>
      <span class="badge">{rate >= 10 ? Math.round(rate) : rate.toFixed(1)} messages/s</span>
      {state.name === "connected" && (
        <span class="badge good dot" title="Before it ends, the next session takes over">
          connected{end && ` · ${formatLeft(end.getTime() - serverNow())} left`}
        </span>
      )}
      {state.name === "connecting" && <span class="badge warn dot">connecting</span>}
      {state.name === "disconnected" && <span class="badge bad dot">disconnected</span>}
    </>
  );
}

/** Says why there is no connection, and offers one. */
function Trouble({ live }: { live: LiveRoom }) {
  const state = useValue(live.state);
  useTick(1000);
  if (state.name === "connecting" && state.retryAt !== undefined) {
    const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
    return (
      <Notice kind="warn" title="There is no connection">
        Attempt {state.attempt} is made {seconds > 0 ? `in ${seconds} s` : "now"}.
      </Notice>
    );
  }
  if (state.name !== "disconnected" || state.reason === "new") return null;
  const why = state.error === undefined ? null : explain(state.error);
  return (
    <Notice kind="bad" title={why?.title ?? "You are out of the room"}>
      <p>{why?.detail ?? `The reason: ${state.reason}.`}</p>
      <p class="row">
        <Button small icon="refresh" onClick={() => live.join(live.user.value)}>
          Join again
        </Button>
      </p>
    </Notice>
  );
}
