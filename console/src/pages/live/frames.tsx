// What goes over the connection, as it is, for those who write clients.
import { useState } from "preact/hooks";
import { useValue } from "../../lib/state";
import { Button, CopyButton } from "../../ui/button";
import { FrameLine } from "../../ui/frame";
import { VirtualList } from "../../ui/virtuallist";
import { toast } from "../../ui/toast";
import type { LiveRoom } from "./model";

const example = '{"Action":"SEND_MESSAGE","RequestId":"1","Content":"hello"}';

export function FramesPanel({ live }: { live: LiveRoom }) {
  const rows = useValue(live.raw.state);
  const [active, setActive] = useState<number | null>(null);
  const [paused, setPaused] = useState<typeof rows | null>(null);
  const shown = paused ?? rows;
  const chosen = active === null ? undefined : shown.rows[active - shown.first];
  return (
    <div class="frames">
      <div class="panel-head">
        <h2>Frames</h2>
        <span class="row">
          <Button
            small
            kind="quiet"
            icon={paused ? "play" : "pause"}
            onClick={() => setPaused(paused ? null : { ...rows, rows: [...rows.rows] })}
          >
            {paused ? "Go on" : "Pause"}
          </Button>
          <Button
            small
            kind="quiet"
            icon="trash"
            aria-label="Clear the frames"
            onClick={() => {
              live.raw.clear();
              setPaused(null);
              setActive(null);
            }}
          />
        </span>
      </div>
      <VirtualList
        class="frames-list"
        label="Frames; arrow keys choose one"
        rows={shown.rows}
        first={shown.first}
        active={active}
        onActive={setActive}
        render={(frame, number) => (
          <FrameLine frame={frame} onChoose={() => setActive(number)} />
        )}
      />
      {chosen && (
        <div class="frame-detail">
          <pre tabIndex={0}>{pretty(chosen.data)}</pre>
          <CopyButton text={chosen.data} label="frame" />
        </div>
      )}
      <RawSender live={live} />
    </div>
  );
}

function pretty(data: string): string {
  try {
    return JSON.stringify(JSON.parse(data), null, 2);
  } catch {
    return data;
  }
}

function RawSender({ live }: { live: LiveRoom }) {
  const state = useValue(live.state);
  const [text, setText] = useState(example);
  const send = () => {
    try {
      live.room.sendRaw(text);
    } catch (error) {
      toast((error as Error).message, "bad");
    }
  };
  return (
    <form
      class="frame-send"
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      <textarea
        class="input mono"
        aria-label="Frame to send"
        spellcheck={false}
        rows={3}
        value={text}
        onInput={(e) => setText(e.currentTarget.value)}
      />
      <Button small icon="send" type="submit" disabled={state.name !== "connected"}>
        Send as it is
      </Button>
    </form>
  );
}
