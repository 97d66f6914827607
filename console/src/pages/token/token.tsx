// The token workbench: makes a token, shows the call that does it, and connects with it.
import { useState } from "preact/hooks";
import { createToken, type User } from "../../api/tokens";
import { PageHead } from "../../app";
import type { PageProps } from "../../pages";
import { go, href } from "../../router";
import type { Session } from "../../session";
import { targetOf } from "../../snippets/snippet";
import { tokenSnippets } from "../../snippets/token";
import { Button } from "../../ui/button";
import {
  FormFailure,
  PairsField,
  TextField,
  fromPairs,
  useForm,
  type Pairs,
} from "../../ui/form";
import { Snippets } from "../../ui/code";
import { Empty } from "../../ui/notice";
import { CapabilitiesField } from "../capabilities";
import { RoomPicker } from "../rooms/picker";
import { Minted } from "./minted";
import "./token.css";
import { Trial } from "./trial";

/** What the fields say at first. */
const newcomer: User = {
  userId: "ann",
  attributes: { displayName: "Ann" },
  capabilities: ["SEND_MESSAGE"],
  sessionMinutes: 60,
};

export default function TokenPage({ session, query }: PageProps) {
  const room = query.get("room") ?? "";
  const [user, setUser] = useState(newcomer);
  const [trial, setTrial] = useState<Trial | null>(null);
  // While the field is empty, the code says what the API's default is.
  const inCode = { ...user, sessionMinutes: user.sessionMinutes || 60 };
  return (
    <div class="page">
      <PageHead
        title="Token workbench"
        lead={
          <>
            A token says who somebody is in a room, and what they may do there. Your backend makes
            one for each connection.
          </>
        }
      />
      <div class="token-grid">
        <TokenForm
          session={session}
          room={room}
          user={user}
          onUser={setUser}
          onMinted={setTrial}
        />
        <div class="stack">
          {trial ? (
            <Minted key={trial.token.token} trial={trial} />
          ) : (
            <section class="panel">
              <Empty icon="token" title="No token yet">
                <p>Mint one, connect with it, and watch its clocks run down.</p>
              </Empty>
            </section>
          )}
          <section class="panel">
            <div class="panel-head">
              <h2>The same in code</h2>
            </div>
            <div class="panel-body">
              <Snippets
                label="Language"
                snippets={tokenSnippets(targetOf(session), room || "ROOM_ARN", inCode)}
              />
            </div>
          </section>
        </div>
      </div>
    </div>
  );
}

interface TokenFormProps {
  session: Session;
  room: string;
  user: User;
  onUser: (user: User) => void;
  onMinted: (trial: Trial) => void;
}

/** The members of the request that have fields. */
const members = ["roomIdentifier", "userId", "attributes", "sessionDurationInMinutes"];

function TokenForm({ session, room, user, onUser, onMinted }: TokenFormProps) {
  const { client } = session;
  const [pairs, setPairs] = useState<Pairs>(Object.entries(user.attributes));
  const form = useForm(async () => {
    onMinted(new Trial(await createToken(client, room, user), room, user));
  });
  return (
    <form class="panel panel-body stack token-form" onSubmit={form.submit}>
      <RoomPicker
        client={client}
        value={room}
        onValue={(arn) => go(href(["token"], { room: arn }), true)}
        error={form.errorOf("roomIdentifier")}
      />
      <TextField
        label="User id"
        hint="1 to 128 characters. Whoever has the same id is the same user."
        value={user.userId}
        onValue={(userId) => onUser({ ...user, userId })}
        error={form.errorOf("userId")}
      />
      <CapabilitiesField
        value={user.capabilities}
        onValue={(capabilities) => onUser({ ...user, capabilities })}
        hint="Without any, the user can only watch."
      />
      <TextField
        label="Session, in minutes"
        hint="1 to 180"
        value={Number.isNaN(user.sessionMinutes) ? "" : String(user.sessionMinutes)}
        onValue={(text) => onUser({ ...user, sessionMinutes: parseInt(text, 10) })}
        error={form.errorOf("sessionDurationInMinutes")}
        input={{ type: "number", required: true }}
      />
      <PairsField
        legend="Attributes"
        hint="Others see them with each message. 1 KB in all."
        noun="attribute"
        pairs={pairs}
        onPairs={(changed) => {
          setPairs(changed);
          onUser({ ...user, attributes: fromPairs(changed) });
        }}
        error={form.errorOf("attributes")}
      />
      <FormFailure form={form} fields={members} />
      <Button kind="primary" icon="token" type="submit" class="wide" busy={form.busy}>
        Mint a token
      </Button>
    </form>
  );
}
