// A room: what it is set to, and what can be done with it.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { getDeliveries, getLoggingConfiguration } from "../../api/logging";
import { getRoom, titleOf, type Room } from "../../api/rooms";
import { PageHead } from "../../app";
import { useLoad } from "../../lib/load";
import { formatDate, formatNumber } from "../../lib/text";
import type { PageProps } from "../../pages";
import { go, href } from "../../router";
import { Button, Copyable } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Missing } from "../../ui/missing";
import { Panel } from "../../ui/panel";
import { Tags } from "../../ui/tags";
import { LogStatus } from "../logs/status";
import { EditTags } from "../tags";
import { DeleteRoom, EditRoom } from "./form";
import { RoomTabs } from "./tabs";
import { Traffic } from "./traffic";

const tagsHint =
  "Up to 50. Some that begin with parley: switch on what the server can do besides.";

type Open = "edit" | "tags" | "delete" | null;

export default function RoomPage({ session, parameters }: PageProps) {
  const arn = parameters.room!;
  const { client } = session;
  const room = useLoad((abort) => getRoom(client, arn, abort), [client, arn]);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const done = (changed: Room) => {
    room.set(changed);
    close();
  };
  if (!room.data) return <MissingRoom error={room.error} retry={room.reload} />;
  const dialog = { client, room: room.data, onClose: close };
  return (
    <div class="page">
      <PageHead title={titleOf(room.data)} crumbs={[{ label: "Rooms", href: href(["rooms"]) }]}>
        <Button icon="edit" onClick={() => setOpen("edit")}>
          Edit
        </Button>
        <Button class="bad-text" icon="trash" onClick={() => setOpen("delete")}>
          Delete
        </Button>
      </PageHead>
      <RoomTabs room={arn} />
      <div class="stack">
        <Traffic client={client} room={arn} />
        <SettingsPanel client={client} room={room.data} />
        <Panel
          title="Tags"
          action={
            <Button small icon="edit" onClick={() => setOpen("tags")}>
              Edit tags
            </Button>
          }
        >
          {Object.keys(room.data.tags ?? {}).length > 0 ? (
            <Tags tags={room.data.tags!} />
          ) : (
            <span class="soft">No tags.</span>
          )}
        </Panel>
      </div>
      {open === "edit" && <EditRoom {...dialog} onDone={done} />}
      {open === "tags" && (
        <EditTags
          client={client}
          arn={arn}
          title={titleOf(room.data)}
          tags={room.data.tags}
          hint={tagsHint}
          onClose={close}
          onDone={(tags) => done({ ...room.data!, tags })}
        />
      )}
      {open === "delete" && <DeleteRoom {...dialog} onDone={() => go(href(["rooms"]))} />}
    </div>
  );
}

/** Takes the place of a room that is not there yet, or not at all. */
export function MissingRoom({ error, retry }: { error: unknown; retry: () => void }) {
  const back = { label: "Go to the rooms", href: href(["rooms"]) };
  return (
    <Missing error={error} retry={retry} icon="rooms" title="There is no such room" back={back} />
  );
}

function SettingsPanel({ client, room }: { client: IvschatClient; room: Room }) {
  const handler = room.messageReviewHandler;
  return (
    <Panel title="Settings">
      <dl class="facts">
        <dt>ARN</dt>
        <dd>
          <Copyable text={room.arn!} label="ARN" />
        </dd>
        <dt>Messages</dt>
        <dd>
          {formatNumber(room.maximumMessageRatePerSecond!)} per second, of up to{" "}
          {formatNumber(room.maximumMessageLength!)} characters
        </dd>
        <dt>Review</dt>
        <dd>
          {handler?.uri ? (
            <>
              <span class="mono">{handler.uri}</span>
              <div class="hint">
                When it fails, messages {handler.fallbackResult === "DENY" ? "are refused" : "pass"}
                .
              </div>
            </>
          ) : (
            <span class="soft">Messages are not reviewed.</span>
          )}
        </dd>
        <dt>Chat logs</dt>
        <dd>
          <Logs client={client} arns={room.loggingConfigurationIdentifiers ?? []} />
        </dd>
        <dt>Created</dt>
        <dd>{formatDate(room.createTime!)}</dd>
        <dt>Changed</dt>
        <dd>{formatDate(room.updateTime!)}</dd>
      </dl>
    </Panel>
  );
}

function Logs({ client, arns }: { client: IvschatClient; arns: string[] }) {
  if (arns.length === 0) return <span class="soft">The chat is not logged.</span>;
  return (
    <ul>
      {arns.map((arn) => (
        <Log key={arn} client={client} arn={arn} />
      ))}
    </ul>
  );
}

function Log({ client, arn }: { client: IvschatClient; arn: string }) {
  const log = useLoad((abort) => getLoggingConfiguration(client, arn, abort), [client, arn]);
  const deliveries = useLoad((abort) => getDeliveries(client, arn, abort), [client, arn]);
  return (
    <li class="row wrap">
      <Icon name="logs" />
      <a href={href(["logs", arn])}>{log.data?.name || arn.split("/").at(-1)}</a>
      {log.data && <LogStatus log={log.data} deliveries={deliveries.data?.deliveries} />}
    </li>
  );
}
