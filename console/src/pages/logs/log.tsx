// A logging configuration: what it is set to, and how its logs are doing.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
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
import { serverNow } from "../../api/server";
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
import { href } from "../../router";
import { Copyable } from "../../ui/button";
import { Missing } from "../../ui/missing";
import { MissingNodes } from "../../ui/nodes";
import { LoadFailure, Notice, Skeleton } from "../../ui/notice";
import { Panel } from "../../ui/panel";
import { ResourcePage } from "../resource";
import { DeleteLog, EditLog } from "./form";
import { LogStatus, every } from "./status";
import "./logs.css";

export default function LogPage({ session, parameters }: PageProps) {
  const arn = parameters.log!;
  const { client } = session;
  const loaded = useLoad((abort) => getLoggingConfiguration(client, arn, abort), [client, arn]);
  const log = loaded.data;
  const list = { label: "Chat logs", href: href(["logs"]) };
  if (!log) {
    return (
      <Missing
        error={loaded.error}
        retry={loaded.reload}
        icon="logs"
        title="There is no such logging configuration"
        back={list}
      />
    );
  }
  return (
    <ResourcePage
      client={client}
      resource={log}
      title={titleOf(log)}
      tagsHint="Up to 50"
      list={list}
      onChange={loaded.set}
      editDialog={(end) => <EditLog client={client} log={log} {...end} />}
      deleteDialog={(end) => <DeleteLog client={client} log={log} {...end} />}
    >
      <DeliveryPanel client={client} log={log} />
      <SettingsPanel log={log} />
    </ResourcePage>
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
    <Panel title="Delivery" action={<LogStatus log={log} {...poll.data} />}>
      {poll.data ? (
        <div class="stack">
          {poll.error !== undefined && <LoadFailure error={poll.error} retry={poll.reload} />}
          <MissingNodes nodes={poll.data.missing}>
            What is delivered there is not shown.
          </MissingNodes>
          {poll.data.deliveries.length === 0 && !poll.data.missing && (
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
        <dd>
          {records(d.delivered)} since {d.node || "the server"} started
        </dd>
        <dt>Last delivery</dt>
        <dd>
          {d.lastDelivery ? (
            <span title={formatDate(new Date(d.lastDelivery))}>
              {formatAgo(new Date(d.lastDelivery), serverNow())}
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
