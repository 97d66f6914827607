// A room: what it is set to, and what can be done with it.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { getDeliveries, getLoggingConfiguration } from "../../api/logging";
import { getRoom, titleOf, type Room } from "../../api/rooms";
import { useLoad } from "../../lib/load";
import { formatDate, formatNumber } from "../../lib/text";
import type { PageProps } from "../../pages";
import { href } from "../../router";
import { Copyable } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Missing } from "../../ui/missing";
import { Panel } from "../../ui/panel";
import { LogStatus } from "../logs/status";
import { ResourcePage } from "../resource";
import { DeleteRoom, EditRoom } from "./form";
import { RoomTabs } from "./tabs";
import { Traffic } from "./traffic";

const tagsHint =
  "Up to 50. Some that begin with parley: switch on what the server can do besides.";

export default function RoomPage({ session, parameters }: PageProps) {
  const arn = parameters.room!;
  const { client } = session;
  const loaded = useLoad((abort) => getRoom(client, arn, abort), [client, arn]);
  const room = loaded.data;
  if (!room) return <MissingRoom error={loaded.error} retry={loaded.reload} />;
  return (
    <ResourcePage
      client={client}
      resource={room}
      title={titleOf(room)}
      tagsHint={tagsHint}
      list={{ label: "Rooms", href: href(["rooms"]) }}
      tabs={<RoomTabs room={arn} />}
      onChange={loaded.set}
      editDialog={(end) => <EditRoom client={client} room={room} {...end} />}
      deleteDialog={(end) => <DeleteRoom client={client} room={room} {...end} />}
    >
      <Traffic client={client} room={arn} />
      <SettingsPanel client={client} room={room} />
    </ResourcePage>
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
      {log.data && <LogStatus log={log.data} {...deliveries.data} />}
    </li>
  );
}
