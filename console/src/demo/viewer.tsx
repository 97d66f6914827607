// What a viewer of a stream sees: a video with chat beside it. This page is in a frame of the
// demo, which gives it its tokens, as an application's backend would.
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/ui.css";
import "./viewer.css";
import "../theme";
import { render } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { explain } from "../api/errors";
import { chatEndpoint } from "../api/server";
import type { User } from "../api/tokens";
import { useDraft } from "../lib/draft";
import { useValue } from "../lib/state";
import { formatLeft } from "../lib/text";
import { useTick } from "../lib/tick";
import type { Message } from "../messaging/room";
import { Button } from "../ui/button";
import { VirtualList } from "../ui/virtuallist";
import { Picture, type Cheers } from "./picture";
import { users, type Backend, type DemoWindow } from "./users";
import { Visit, type Line } from "./visit";

const user = users[location.hash.slice(1)];
const backend = (parent as DemoWindow).demoBackend;

function Viewer({ user, backend }: { user: User; backend: Backend }) {
  const cheers = useRef<Cheers>(null);
  const visit = useMemo(
    () => new Visit(chatEndpoint, user, backend, () => cheers.current?.cheer()),
    [],
  );
  useEffect(() => () => visit.leave(), [visit]);
  return (
    <main class="viewer">
      <div class="viewer-stage">
        <Picture onReady={(ready) => (cheers.current = ready)} />
        <div class="viewer-about">
          <h1>Evening waves</h1>
          <p class="soft">Your video player goes here.</p>
          <Ticket visit={visit} />
        </div>
      </div>
      <section class="viewer-chat" aria-label="Chat">
        <Messages visit={visit} />
        <Composer visit={visit} />
      </section>
    </main>
  );
}

/** What the token of the connection says. */
function Ticket({ visit }: { visit: Visit }) {
  const state = useValue(visit.state);
  useTick(1000);
  const end = state.name === "connected" ? state.token.sessionExpirationTime : undefined;
  return (
    <div class="viewer-ticket">
      <div class="tags">
        {visit.user.capabilities.map((capability) => (
          <span key={capability} class="tag mono">
            {capability}
          </span>
        ))}
      </div>
      <p class="hint">
        {end
          ? `The session ends in ${formatLeft(end.getTime() - visit.now())}. The next one takes over.`
          : "There is no session."}
      </p>
    </div>
  );
}

function Messages({ visit }: { visit: Visit }) {
  const { first, rows } = useValue(visit.lines.state);
  const moderates = visit.user.capabilities.includes("DELETE_MESSAGE");
  return (
    <div class="viewer-messages">
      <VirtualList
        label="Messages"
        rows={rows}
        first={first}
        render={(line) => <LineView line={line} visit={visit} moderates={moderates} />}
      />
    </div>
  );
}

interface LineProps {
  line: Line;
  visit: Visit;
  moderates: boolean;
}

function LineView({ line, visit, moderates }: LineProps) {
  if (line.kind === "note") return <p class="line soft">{line.text}</p>;
  const { message } = line;
  const { userId, attributes } = message.sender;
  const others = userId !== visit.user.userId;
  return (
    <div class={`line by-${userId}`}>
      <p class="grow">
        <strong>{attributes.displayName ?? userId}</strong>
        {attributes.role && <span class="badge accent">{attributes.role}</span>}{" "}
        {line.deleted ? <span class="soft">deleted</span> : message.content}
      </p>
      {moderates && others && !line.deleted && <Acts visit={visit} message={message} />}
    </div>
  );
}

/** What a moderator can do about a message. */
function Acts({ visit, message }: { visit: Visit; message: Message }) {
  const { userId } = message.sender;
  return (
    <span class="line-acts">
      <Button
        kind="quiet"
        small
        icon="trash"
        aria-label="Delete message"
        onClick={() => void visit.delete(message.id)}
      />
      <Button
        kind="quiet"
        small
        icon="kick"
        aria-label={`Disconnect ${userId}`}
        onClick={() => void visit.disconnect(userId)}
      />
    </span>
  );
}

/** What somebody may want to say, so that a newcomer needs but a click. */
const suggestions = ["Hello!", "What a sky!", "Wow"];

function Composer({ visit }: { visit: Visit }) {
  const state = useValue(visit.state);
  const problem = useValue(visit.problem);
  const draft = useDraft((text) => visit.say(text));
  const name = visit.user.attributes.displayName!;
  if (state.name === "disconnected") {
    const why = state.error === undefined ? state.reason : explain(state.error).title;
    return (
      <div class="viewer-composer">
        <p class="field-error" role="alert">
          You are out of the chat: {why}.
        </p>
        <Button icon="refresh" onClick={() => visit.come()}>
          Come back
        </Button>
      </div>
    );
  }
  return (
    <form class="viewer-composer" onSubmit={draft.submit}>
      {problem && (
        <p class="field-error" role="alert">
          {problem}
        </p>
      )}
      <div class="viewer-suggestions">
        {suggestions.map((s) => (
          <button key={s} type="button" class="tag" onClick={() => void visit.say(s)}>
            {s}
          </button>
        ))}
      </div>
      <div class="row">
        <input
          class="input grow"
          aria-label={`Message from ${name}`}
          placeholder={state.name === "connected" ? `Say something as ${name}` : "Connecting…"}
          autocomplete="off"
          maxLength={500}
          value={draft.text}
          onInput={(e) => draft.write(e.currentTarget.value)}
        />
        <Button kind="primary" icon="send" type="submit" aria-label="Send" />
      </div>
    </form>
  );
}

render(
  user && backend ? (
    <Viewer user={user} backend={backend} />
  ) : (
    <main class="viewer-alone">
      <h1>This page is a part of the demo</h1>
      <a href="./">Open the demo</a>
    </main>
  ),
  document.getElementById("app")!,
);
