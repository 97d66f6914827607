// Where a message is written and sent.
import { useState } from "preact/hooks";
import { useDraft } from "../../lib/draft";
import { useValue } from "../../lib/state";
import { countCodePoints } from "../../lib/text";
import { RequestError } from "../../messaging/room";
import { Button } from "../../ui/button";
import { PairsField, fromPairs, type Pairs } from "../../ui/form";
import type { LiveRoom } from "./model";

export function Composer({ live, limit }: { live: LiveRoom; limit: number }) {
  const state = useValue(live.state);
  const user = useValue(live.user);
  const [attributes, setAttributes] = useState<Pairs | null>(null);
  const [problem, setProblem] = useState("");
  const draft = useDraft(async (text) => {
    setProblem("");
    try {
      const extra = fromPairs(attributes ?? []);
      const some = Object.keys(extra).length > 0;
      await live.room.sendMessage(text, some ? extra : undefined);
      return true;
    } catch (error) {
      setProblem(explainRequest(error as Error));
      return false;
    }
  });
  const left = limit - countCodePoints(draft.text);

  return (
    <form class="composer" onSubmit={draft.submit}>
      {attributes && (
        <PairsField
          legend="Attributes of the message"
          noun="attribute"
          pairs={attributes}
          onPairs={setAttributes}
        />
      )}
      {problem && (
        <p class="field-error" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        <input
          class="input grow"
          aria-label={`Message from ${user.userId}`}
          placeholder={`Message as ${user.userId}`}
          value={draft.text}
          autocomplete="off"
          onInput={(e) => draft.write(e.currentTarget.value)}
        />
        {left < 50 && <span class={left < 0 ? "badge bad" : "badge"}>{left}</span>}
        <Button
          kind="quiet"
          icon="plus"
          aria-label="Attributes of the message"
          aria-expanded={attributes !== null}
          onClick={() => setAttributes(attributes ? null : [["", ""]])}
        />
        <Button
          kind="primary"
          icon="send"
          type="submit"
          disabled={state.name !== "connected"}
        >
          Send
        </Button>
      </div>
    </form>
  );
}

const requestErrors: Record<number, string> = {
  403: "This user may not send messages. Give the user the capability, under User.",
  404: "The room was deleted.",
  429: "That is more than the rate of the room or of the connection allows.",
};

/** Says why a request on the messaging plane failed. */
function explainRequest(error: Error): string {
  if (!(error instanceof RequestError)) return error.message;
  return requestErrors[error.code] ?? `${error.message} (${error.code})`;
}
