// Who the page is in the room.
import type { ChatTokenCapability } from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { capabilities } from "../../api/tokens";
import { Button } from "../../ui/button";
import { Check, PairsField, TextField, fromPairs, toPairs } from "../../ui/form";
import type { LiveRoom } from "./model";

export function UserPanel({ live }: { live: LiveRoom }) {
  const [user, setUser] = useState(live.user.value);
  const [attributes, setAttributes] = useState(toPairs(user.attributes));
  const toggle = (id: ChatTokenCapability, on: boolean) =>
    setUser({
      ...user,
      capabilities: on ? [...user.capabilities, id] : user.capabilities.filter((c) => c !== id),
    });
  return (
    <form
      class="panel-body stack"
      onSubmit={(e) => {
        e.preventDefault();
        live.join({ ...user, attributes: fromPairs(attributes) });
      }}
    >
      <div>
        <h2>You in this room</h2>
        <p class="hint">Your application's backend decides this, when it makes a token.</p>
      </div>
      <TextField
        label="User id"
        value={user.userId}
        onValue={(userId) => setUser({ ...user, userId })}
        input={{ required: true, maxLength: 128 }}
      />
      <fieldset class="fieldset">
        <legend class="legend">Capabilities</legend>
        {capabilities.map(({ id, label }) => (
          <Check
            key={id}
            checked={user.capabilities.includes(id)}
            onValue={(on) => toggle(id, on)}
          >
            {label}
          </Check>
        ))}
      </fieldset>
      <PairsField
        legend="Attributes"
        hint="Others see them with each message. 1 KB in all."
        noun="attribute"
        pairs={attributes}
        onPairs={setAttributes}
      />
      <TextField
        label="Session, in minutes"
        hint="1 to 180. Before it ends, the next one takes over."
        value={String(user.sessionMinutes)}
        onValue={(minutes) => setUser({ ...user, sessionMinutes: Number(minutes) })}
        input={{ type: "number", min: 1, max: 180, required: true }}
      />
      <Button kind="primary" type="submit">
        Join as this user
      </Button>
    </form>
  );
}
