// A logging configuration: what it is set to, and how its logs are doing.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { explain, isException } from "../../api/errors";
import {
  destinationKinds,
  destinationOf,
  getDeliveries,
  getLoggingConfiguration,
  titleOf,
  type Delivery,
  type LoggingConfiguration,
} from "../../api/logging";
import { PageHead } from "../../app";
import { useLoad } from "../../lib/load";
import { usePoll } from "../../lib/poll";
import {
  formatAgo,
  formatBytes,
  formatDate,
  formatDuration,
  formatNumber,
} from "../../lib/text";
import type { PageProps } from "../../pages";
import { go, href } from "../../router";
import { Button, Copyable } from "../../ui/button";
import { Missing } from "../../ui/missing";
import { LoadFailure, Notice, Skeleton } from "../../ui/notice";
import { Panel } from "../../ui/panel";
import { Tags } from "../../ui/tags";
import { EditTags } from "../tags";
import { DeleteLog, EditLog } from "./form";
import { LogStatus, every } from "./status";
import "./logs.css";

type Open = "edit" | "tags" | "delete" | null;

export default function LogPage({ session, parameters }: PageProps) {
  const arn = parameters.log!;
  const { client } = session;
  const log = useLoad((abort) => getLoggingConfiguration(client, arn, abort), [client, arn]);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const done = (changed: LoggingConfiguration) => {
    log.set(changed);
    close();
  };
  const back = { label: "Chat logs", href: href(["logs"]) };
  if (!log.data) {
    return (
      <Missing
        error={log.error}
        retry={log.reload}
        icon="logs"
        title="There is no such logging configuration"
        back={back}
      />
    );
  }
  const title = titleOf(log.data);
  return (
    <div class="page">
      <PageHead title={title} crumbs={[back]}>
        <Button icon="edit" onClick={() => setOpen("edit")}>
          Edit
        </Button>
        <Button class="bad-text" icon="trash" onClick={() => setOpen("delete")}>
          Delete
        </Button>
      </PageHead>
      <div class="stack">
        <DeliveryPanel client={client} log={log.data} />
        <SettingsPanel log={log.data} />
        <Panel
          title="Tags"
          action={
            <Button small icon="edit" onClick={() => setOpen("tags")}>
              Edit tags
            </Button>
          }
        >
          {Object.keys(log.data.tags ?? {}).length > 0 ? (
            <Tags tags={log.data.tags!} />
          ) : (
            <span class="soft">No tags.</span>
          )}
        </Panel>
      </div>
      {open === "edit" && <EditLog client={client} log={log.data} onClose={close} onDone={done} />}
      {open === "tags" && (
        <EditTags
          client={client}
          arn={arn}
          title={title}
          tags={log.data.tags}
          hint="Up to 50"
          onClose={close}
          onDone={(tags) => done({ ...log.data!, tags })}
        />
      )}
      {open === "delete" && (
        <DeleteLog client={client} log={log.data} onClose={close} onDone={() => go(back.href)} />
      )}
    </div>
  );
}

function SettingsPanel({ log }: { log: LoggingConfiguration }) {
  const to = destinationOf(log.destinationConfiguration);
  const kind = destinationKinds[to.kind];
  return (
    <Panel title="Settings">
      <dl class="facts">
        <dt>ARN</dt>
        <dd>
          <Copyable text={log.arn!} label="ARN" />
        </dd>
        <dt>Destination</dt>
        <dd>{kind.label}</dd>
        <dt>{kind.noun}</dt>
        <dd class="mono">{to.name}</dd>
        <dt>Created</dt>
        <dd>{formatDate(log.createTime!)}</dd>
        <dt>Changed</dt>
        <dd>{formatDate(log.updateTime!)}</dd>
      </dl>
    </Panel>
  );
}

function DeliveryPanel({ client, log }: { client: IvschatClient; log: LoggingConfiguration }) {
  const arn = log.arn!;
  const poll = usePoll((abort) => getDeliveries(client, arn, abort), every, [client, arn]);
  return (
    <Panel title="Delivery" action={<LogStatus log={log} deliveries={poll.data?.deliveries} />}>
      {poll.data ? (
        <div class="stack">
          {poll.error !== undefined && <LoadFailure error={poll.error} retry={poll.reload} />}
          {poll.data.missing?.map((node) => (
            <Notice key={node} kind="warn" title={`${node} does not answer`}>
              <p>What it delivers is not shown.</p>
            </Notice>
          ))}
          {poll.data.deliveries.length === 0 && (
            <span class="soft">
              Nothing was logged since the server started. Choose this configuration in the settings
              of a room, and what is said there is logged.
            </span>
          )}
          {poll.data.deliveries.map((d) => (
            <DeliveryFacts key={d.node} delivery={d} />
          ))}
        </div>
      ) : poll.error === undefined ? (
        <Skeleton />
      ) : isException(poll.error, "AccessDeniedException") ? (
        <span class="soft">{explain(poll.error).detail}</span>
      ) : (
        <LoadFailure error={poll.error} retry={poll.reload} />
      )}
    </Panel>
  );
}

/** What the kinds of errors mean for whoever has to act. */
const advice: Record<string, string> = {
  access_denied: "The destination does not let the server in: see its access key and policy.",
  not_found: "The destination does not exist: make it, or correct its name.",
};

const records = (n: number): string => `${formatNumber(n)} ${n === 1 ? "record" : "records"}`;

function DeliveryFacts({ delivery: d }: { delivery: Delivery }) {
  return (
    <div class="stack">
      {d.node && <h3>{d.node}</h3>}
      {d.failingSince && (
        <Notice kind="bad" title={`Failing since ${formatDate(new Date(d.failingSince))}`}>
          <p class="mono">{d.lastError}</p>
          <p>{advice[d.errorKind ?? ""]} What is logged waits in a queue, and is tried again.</p>
        </Notice>
      )}
      {d.dropped > 0 && (
        <Notice kind="warn" title={`Lost: ${records(d.dropped)}`}>
          <p>The queue was full or they waited too long, or the destination refused them.</p>
        </Notice>
      )}
      <dl class="facts">
        <dt>Delivered</dt>
        <dd>{records(d.delivered)} since the server started</dd>
        <dt>Last delivery</dt>
        <dd>
          {d.lastDelivery ? (
            <span title={formatDate(new Date(d.lastDelivery))}>
              {formatAgo(new Date(d.lastDelivery))}
            </span>
          ) : (
            <span class="soft">none yet</span>
          )}
        </dd>
        <dt>Waiting</dt>
        <dd>
          {d.queuedBytes > 0
            ? `${formatBytes(d.queuedBytes)}, the oldest for ${formatDuration(d.lagSeconds)}`
            : "nothing"}
        </dd>
        {d.where && (
          <>
            <dt>Leads to</dt>
            <dd class="mono">{d.where}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
