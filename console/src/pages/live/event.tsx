// Sends an event to everybody in the room, as an application's backend does.
import { SendEventCommand } from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import type { Session } from "../../session";
import { Button } from "../../ui/button";
import { FormFailure, PairsField, TextField, fromPairs, useForm, type Pairs } from "../../ui/form";
import { toast } from "../../ui/toast";

export function EventPanel({ session, room }: { session: Session; room: string }) {
  const [eventName, setEventName] = useState("");
  const [pairs, setPairs] = useState<Pairs>([["", ""]]);
  const form = useForm(async () => {
    const attributes = fromPairs(pairs);
    await session.client.send(new SendEventCommand({ roomIdentifier: room, eventName, attributes }));
    toast(`${eventName} was sent.`);
  });
  return (
    <form class="panel-body stack" onSubmit={form.submit}>
      <div>
        <h2>Send an event</h2>
        <p class="hint">Your backend tells everybody in the room something, such as a poll.</p>
      </div>
      <TextField
        label="Name"
        value={eventName}
        onValue={setEventName}
        error={form.errorOf("eventName")}
        input={{ required: true, maxLength: 100, placeholder: "poll:opened" }}
      />
      <PairsField
        legend="Attributes"
        hint="4 KB in all"
        noun="attribute"
        pairs={pairs}
        onPairs={setPairs}
        error={form.errorOf("attributes")}
      />
      <FormFailure form={form} fields={["eventName", "attributes"]} />
      <Button kind="primary" type="submit" icon="event" busy={form.busy}>
        Send event
      </Button>
    </form>
  );
}
