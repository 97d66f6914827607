// A room live: what is said in it, and what can be done about that.
import { useEffect, useMemo, useState } from "preact/hooks";
import { explain } from "../../api/errors";
import { getRoom, titleOf, type Room } from "../../api/rooms";
import { serverNow } from "../../api/server";
import { PageHead } from "../../app";
import { useLoad } from "../../lib/load";
import { useValue } from "../../lib/state";
import { formatLeft } from "../../lib/text";
import { useMedia } from "../../lib/media";
import { useTick } from "../../lib/tick";
import type { PageProps } from "../../pages";
import { href } from "../../router";
import type { Session } from "../../session";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { MissingRoom } from "../rooms/room";
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
  if (!room.data) return <MissingRoom error={room.error} retry={room.reload} />;
  return <Live session={session} room={room.data} />;
}

function Live({ session, room }: { session: Session; room: Room }) {
  const live = useMemo(() => new LiveRoom(session, room.arn!), [session, room.arn]);
  useEffect(() => () => live.close(), [live]);
  // Where it is narrow, there is place for one view; else the chat is always there.
  const wide = useMedia("(min-width: 1001px)");
  const [chosen, setChosen] = useState<View>("chat");
  const view = wide && chosen === "chat" ? "user" : chosen;
  return (
    <div class="page wide live">
      <PageHead title={titleOf(room)} crumbs={[{ label: "Rooms", href: href(["rooms"]) }]}>
        <Status live={live} />
      </PageHead>
      <div class="live-bar">
        <RoomTabs room={room.arn!} />
        <div class="segments" role="group" aria-label="View">
          {views
            .filter((v) => !wide || v.id !== "chat")
            .map((v) => (
              <button
                key={v.id}
                type="button"
                aria-pressed={v.id === view}
                onClick={() => setChosen(v.id)}
              >
                {v.label}
              </button>
            ))}
        </div>
      </div>
      <div class={view === "chat" ? "live-grid show-chat" : "live-grid show-side"}>
        <section class="panel live-chat" aria-label="Chat">
          <Trouble live={live} />
          <Chat live={live} session={session} room={room.arn!} />
          <Composer live={live} limit={room.maximumMessageLength ?? 500} />
        </section>
        <section class="panel live-side" aria-label="Tools">
          {view === "user" && <UserPanel live={live} />}
          {view === "event" && <EventPanel session={session} room={room.arn!} />}
          {view === "frames" && <FramesPanel live={live} />}
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
