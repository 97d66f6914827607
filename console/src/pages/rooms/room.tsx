// A room: what it is set to, and what can be done with it.
import { GetLoggingConfigurationCommand, type IvschatClient } from "@aws-sdk/client-ivschat";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { isException } from "../../api/errors";
import { getRoom, titleOf, type Room } from "../../api/rooms";
import { PageHead } from "../../app";
import { useLoad } from "../../lib/load";
import { formatDate, formatNumber } from "../../lib/text";
import type { PageProps } from "../../pages";
import { go, href } from "../../router";
import { Button, Copyable } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Empty, LoadFailure, Skeleton } from "../../ui/notice";
import { Tags } from "../../ui/tags";
import { DeleteRoom, EditRoom, EditTags } from "./form";
import { RoomTabs } from "./tabs";

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
  if (!room.data) return <Missing error={room.error} retry={room.reload} />;
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
      {open === "tags" && <EditTags {...dialog} onDone={done} />}
      {open === "delete" && <DeleteRoom {...dialog} onDone={() => go(href(["rooms"]))} />}
    </div>
  );
}

/** Takes the place of a room that is not there yet, or not at all. */
export function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <div class="page">
      {error === undefined ? (
        <Skeleton lines={6} />
      ) : isException(error, "ResourceNotFoundException") ? (
        <Empty icon="rooms" title="There is no such room">
          <p>It was deleted, or it is in another region or account.</p>
          <a href={href(["rooms"])}>Go to the rooms</a>
        </Empty>
      ) : (
        <LoadFailure error={error} retry={retry} />
      )}
    </div>
  );
}

interface PanelProps {
  title: string;
  action?: ComponentChildren;
  children: ComponentChildren;
}

function Panel({ title, action, children }: PanelProps) {
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        {action}
      </div>
      <div class="panel-body">{children}</div>
    </section>
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
  const log = useLoad(
    (abortSignal) =>
      client.send(new GetLoggingConfigurationCommand({ identifier: arn }), { abortSignal }),
    [client, arn],
  );
  const state = log.data?.state;
  return (
    <li class="row wrap">
      <Icon name="logs" />
      {log.data?.name || arn.split("/").at(-1)}
      {state && (
        <span class={state === "ACTIVE" ? "badge good" : "badge bad"}>
          {state.toLowerCase().replace("_", " ")}
        </span>
      )}
    </li>
  );
}
