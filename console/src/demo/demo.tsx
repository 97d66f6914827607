// The demo: two users in two frames who watch the same and chat, so that a newcomer sees
// chat working at once. This page stands for the backend of an application.
import {
  CreateRoomCommand,
  ListRoomsCommand,
  SendEventCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../api/server";
import { provideToken, type User } from "../api/tokens";
import icon from "../icon.svg";
import { useLoad } from "../lib/load";
import { useValue } from "../lib/state";
import { SignIn } from "../pages/signin";
import { href } from "../router";
import { session, start, type Session } from "../session";
import { ThemeSwitch } from "../shell";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { LoadFailure, Skeleton } from "../ui/notice";
import { toastError, Toasts } from "../ui/toast";
import { ana, ben, cheerEvent, type DemoWindow } from "./users";

/** The name of the room that the demo uses, and makes if there is none. */
const roomName = "demo";

export function Demo() {
  const started = useLoad(start, []);
  const current = useValue(session);
  useEffect(() => {
    if (current) document.title = "Demo · Parley";
  }, [current]);
  if (started.error !== undefined) {
    return (
      <main class="page">
        <LoadFailure error={started.error} retry={started.reload} />
      </main>
    );
  }
  if (started.loading) return null;
  return (
    <>
      {current ? <Page session={current} /> : <SignIn />}
      <Toasts />
    </>
  );
}

function Page({ session }: { session: Session }) {
  // The key of a real server is the user's own: nothing is made with it unasked.
  const [begun, setBegun] = useState(session.open);
  return (
    <div class="demo">
      <header class="demo-top">
        <a class="brand" href="../">
          <img src={icon} alt="" />
          Parley
        </a>
        <div class="row">
          <ThemeSwitch />
          <a class="button demo-console" href="../">
            Open the console
          </a>
        </div>
      </header>
      <main class="page">
        <header class="page-head">
          <div class="grow">
            <h1>Chat beside a video</h1>
            <p class="lead">
              Two people watch the same stream. Say something as one of them, and see it arrive at
              the other.
            </p>
          </div>
        </header>
        {begun ? <Stage client={session.client} /> : <Before begin={() => setBegun(true)} />}
      </main>
    </div>
  );
}

/** Says what is about to be done with the user's access key. */
function Before({ begin }: { begin: () => void }) {
  return (
    <section class="panel panel-body stack demo-before">
      <h2>How the demo works</h2>
      <ol class="demo-steps">
        <li>
          It looks for a room called <code>{roomName}</code>, and makes one if there is none.
        </li>
        <li>It makes a chat token for each of two users: Ana, who is a moderator, and Ben.</li>
        <li>Each user's frame connects to the room with its token, and has no access key.</li>
      </ol>
      <p class="soft">
        Your access key needs the permissions <code>ivschat:ListRooms</code>,{" "}
        <code>ivschat:CreateRoom</code>, <code>ivschat:CreateChatToken</code> and{" "}
        <code>ivschat:SendEvent</code>. When you have seen enough, delete the room.
      </p>
      <div>
        <Button kind="primary" icon="play" onClick={begin}>
          Begin
        </Button>
      </div>
    </section>
  );
}

/** Returns the ARN of the demo's room. */
async function findRoom(client: IvschatClient, abortSignal: AbortSignal): Promise<string> {
  const found = await client.send(new ListRoomsCommand({ name: roomName }), { abortSignal });
  if (found.rooms?.[0]) return found.rooms[0].arn!;
  const made = await client.send(new CreateRoomCommand({ name: roomName }), { abortSignal });
  return made.arn!;
}

function Stage({ client }: { client: IvschatClient }) {
  const room = useLoad((abort) => findRoom(client, abort), [client]);
  if (room.error !== undefined) return <LoadFailure error={room.error} retry={room.reload} />;
  if (!room.data) return <Skeleton lines={6} />;
  return <Frames client={client} room={room.data} />;
}

function Frames({ client, room }: { client: IvschatClient; room: string }) {
  // Frames ask for it as soon as they are loaded.
  (window as DemoWindow).demoBackend = {
    token: (user) => provideToken(client, room, user),
    now: serverNow,
  };
  const cheer = () => {
    const command = new SendEventCommand({ roomIdentifier: room, eventName: cheerEvent });
    client.send(command).catch(toastError);
  };
  return (
    <div class="stack">
      <div class="demo-frames">
        <Frame user={ana} about="moderates, and may delete what Ben says" />
        <Frame user={ben} about="watches" />
      </div>
      <section class="panel panel-body demo-next">
        <div>
          <h2>The backend has a say, too</h2>
          <p class="soft">It sends events to everybody in the room, such as polls and cheers.</p>
          <Button icon="event" onClick={cheer}>
            Send a cheer
          </Button>
        </div>
        <div>
          <h2>Look behind it</h2>
          <p class="soft">The console shows the room live, with all frames as they are.</p>
          <a class="button" href={"../" + href(["rooms", room, "live"])}>
            <Icon name="play" />
            Watch the room
          </a>
        </div>
        <div>
          <h2>Build your own</h2>
          <p class="soft">Copy a page like this one, and the backend that it needs.</p>
          <a class="button" href={"../" + href(["integrate"], { room })}>
            <Icon name="code" />
            Integrate
          </a>
        </div>
      </section>
    </div>
  );
}

function Frame({ user, about }: { user: User; about: string }) {
  const name = user.attributes.displayName;
  return (
    <figure class="demo-frame">
      <figcaption>
        <strong>{name}</strong> <span class="soft">{about}</span>
      </figcaption>
      <iframe src={`viewer.html#${user.userId}`} title={`What ${name} sees`} />
    </figure>
  );
}
