// A token that was made: its clocks, and a connection that is opened with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { useValue } from "../../lib/state";
import { href } from "../../router";
import { Button, Copyable } from "../../ui/button";
import { FrameLine } from "../../ui/frame";
import { Notice } from "../../ui/notice";
import { VirtualList } from "../../ui/virtuallist";
import { Clocks } from "./clocks";
import type { Trial, TrialState } from "./trial";

export function Minted({ trial }: { trial: Trial }) {
  const state = useValue(trial.state);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest("section")?.scrollIntoView({ block: "nearest" });
    return () => trial.disconnect();
  }, [trial]);
  const busy = state.name === "connecting";
  return (
    <section class="panel" aria-label="The token">
      <div class="panel-head">
        <h2 tabIndex={-1} ref={heading}>
          Token for {trial.user.userId}
        </h2>
        <StateBadge state={state} />
      </div>
      <div class="panel-body stack">
        <Copyable text={trial.token.token} label="token" />
        <Clocks trial={trial} />
        <div class="row wrap">
          {state.name === "connected" ? (
            <Button icon="leave" onClick={() => trial.disconnect()}>
              Disconnect
            </Button>
          ) : (
            <Button
              kind={trial.usedAt === null ? "primary" : undefined}
              icon="play"
              busy={busy}
              onClick={() => void trial.connect()}
            >
              {trial.usedAt === null ? "Connect with it" : "Connect with it again"}
            </Button>
          )}
          <a class="button quiet" href={href(["rooms", trial.room, "live"])}>
            Watch the room
          </a>
        </div>
        <Outcome trial={trial} state={state} />
        {trial.usedAt !== null && <Exchange trial={trial} state={state} />}
      </div>
    </section>
  );
}

const badges: Record<TrialState["name"], { kind: string; text: string }> = {
  unused: { kind: "", text: "not used" },
  connecting: { kind: "warn dot", text: "connecting" },
  connected: { kind: "good dot", text: "connected" },
  closed: { kind: "bad dot", text: "closed" },
  refused: { kind: "bad dot", text: "refused" },
};

function StateBadge({ state }: { state: TrialState }) {
  const { kind, text } = badges[state.name];
  return (
    <span class={`badge ${kind}`} role="status">
      {text}
    </span>
  );
}

/** Says why there is no connection. */
function Outcome({ trial, state }: { trial: Trial; state: TrialState }) {
  if (state.name === "closed") {
    return <Notice title="The connection has ended">{state.reason}</Notice>;
  }
  if (state.name !== "refused") return null;
  return (
    <Notice kind="bad" title="The server did not accept the token">
      <p>
        {trial.usedAt === null
          ? "A token has to be used within its time. It cannot be used once its user was " +
            "disconnected, or the room was deleted, either."
          : "A token opens one connection, and this one has done so. Clients get a new token " +
            "each time they connect."}
      </p>
    </Notice>
  );
}

/** What goes over the connection, and a field to say something. */
function Exchange({ trial, state }: { trial: Trial; state: TrialState }) {
  const { first, rows } = useValue(trial.frames.state);
  const [text, setText] = useState("Hello!");
  const may = trial.user.capabilities.includes("SEND_MESSAGE");
  return (
    <div class="exchange">
      <VirtualList
        label="Frames of the connection"
        rows={rows}
        first={first}
        render={(frame) => <FrameLine frame={frame} />}
      />
      {rows.length === 0 && <p class="exchange-quiet soft">Frames appear here as they are.</p>}
      <form
        class="row exchange-send"
        onSubmit={(e) => {
          e.preventDefault();
          trial.say(text);
          setText("");
        }}
      >
        <input
          class="input grow"
          aria-label="Message"
          placeholder={may ? "Say something" : "This user may not send, and will be told so"}
          autocomplete="off"
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
        />
        <Button
          icon="send"
          type="submit"
          disabled={state.name !== "connected" || text === ""}
        >
          Send
        </Button>
      </form>
    </div>
  );
}
