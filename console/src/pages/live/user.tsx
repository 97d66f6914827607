// Who the page is in the room.
import { useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { PairsField, TextField, fromPairs, toPairs } from "../../ui/form";
import { CapabilitiesField } from "../capabilities";
import type { LiveRoom } from "./model";

export function UserPanel({ live }: { live: LiveRoom }) {
  const [user, setUser] = useState(live.user.value);
  const [attributes, setAttributes] = useState(toPairs(user.attributes));
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
      <CapabilitiesField
        value={user.capabilities}
        onValue={(capabilities) => setUser({ ...user, capabilities })}
      />
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
