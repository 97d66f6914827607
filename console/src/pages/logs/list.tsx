// The logging configurations of the account in the region, in pages.
import { useMemo, useState } from "preact/hooks";
import {
  destinationKinds,
  destinationOf,
  getDeliveries,
  listLoggingConfigurations,
  titleOf,
  type Deliveries,
  type Delivery,
  type LoggingConfiguration,
} from "../../api/logging";
import { serverNow } from "../../api/server";
import { PageHead } from "../../app";
import { useLeaf } from "../../lib/leaf";
import { usePoll } from "../../lib/poll";
import { formatAgo, formatDate } from "../../lib/text";
import type { PageProps } from "../../pages";
import { href, useGo } from "../../router";
import { Button } from "../../ui/button";
import { MissingNodes } from "../../ui/nodes";
import { Empty, LoadFailure, Skeleton } from "../../ui/notice";
import { EmptyPage, Pager } from "../../ui/pager";
import { Tags } from "../../ui/tags";
import { CreateLog } from "./form";
import { LogStatus, causeOf, every, failing, type StatusProps } from "./status";
import "./logs.css";

export default function LogList({ session }: PageProps) {
  const { client } = session;
  const goLater = useGo();
  const [creating, setCreating] = useState(false);
  const list = useLeaf(
    (token, abort) => listLoggingConfigurations(client, token, abort),
    [client],
  );
  // Who may list them may lack the permission for this; the list is there all the same.
  const deliveries = usePoll((abort) => getDeliveries(client, undefined, abort), every, [client]);
  const logs = list.data?.logs;

  return (
    <div class="page">
      <PageHead
        title="Chat logs"
        lead="Logging configurations, which say where the chat of rooms is kept"
      >
        <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
          Create
        </Button>
      </PageHead>
      <div class="stack">
        {list.error !== undefined && <LoadFailure error={list.error} retry={list.reload} />}
        {logs && logs.length > 0 && (
          <MissingNodes nodes={deliveries.data?.missing}>
            What is delivered there is not shown.
          </MissingNodes>
        )}
        {logs ? (
          <div class="panel">
            {logs.length > 0 ? (
              <LogTable logs={logs} told={deliveries.data} stale={list.loading} />
            ) : list.back ? (
              <EmptyPage restart={list.restart} />
            ) : (
              <NoLogs create={() => setCreating(true)} />
            )}
            <Pager page={list.page} shown={logs.length} back={list.back} next={list.next} />
          </div>
        ) : (
          list.error === undefined && <Skeleton lines={6} />
        )}
      </div>
      {creating && (
        <CreateLog
          client={client}
          onClose={() => setCreating(false)}
          onDone={(log) => goLater(href(["logs", log.arn!]))}
        />
      )}
    </div>
  );
}

function NoLogs({ create }: { create: () => void }) {
  return (
    <Empty icon="logs" title="No logging configurations yet">
      <p>One says where the chat is kept of the rooms that name it: a bucket, a log group or a stream.</p>
      <Button kind="primary" icon="plus" onClick={create}>
        Create a logging configuration
      </Button>
    </Empty>
  );
}

interface TableProps {
  logs: LoggingConfiguration[];
  /** How all logs are doing; undefined when that is not known. */
  told: Deliveries | undefined;
  stale: boolean;
}

function LogTable({ logs, told, stale }: TableProps) {
  const byLog = useMemo(() => {
    if (!told) return undefined;
    const all = new Map<string, Delivery[]>();
    for (const d of told.deliveries) {
      all.set(d.loggingConfiguration, [...(all.get(d.loggingConfiguration) ?? []), d]);
    }
    return all;
  }, [told]);
  return (
    <table class={stale ? "table stale" : "table"}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Destination</th>
          <th scope="col">Status</th>
          <th scope="col">Tags</th>
          <th scope="col">Changed</th>
        </tr>
      </thead>
      <tbody>
        {logs.map((log) => (
          <LogRow
            key={log.arn}
            log={log}
            deliveries={byLog && (byLog.get(log.arn!) ?? [])}
            missing={told?.missing}
          />
        ))}
      </tbody>
    </table>
  );
}

function LogRow({ log, deliveries, missing }: StatusProps) {
  const to = destinationOf(log.destinationConfiguration);
  const failure = failing(deliveries ?? [])[0];
  return (
    <tr>
      <td class="main-cell">
        <div class="truncate">
          <a href={href(["logs", log.arn!])}>{titleOf(log)}</a>
        </div>
        {log.name && <div class="mono soft">{log.id}</div>}
      </td>
      <td>
        {destinationKinds[to.kind].label}
        <div class="mono soft truncate" title={to.name}>
          {to.name}
        </div>
      </td>
      <td>
        <LogStatus log={log} deliveries={deliveries} missing={missing} />
        {failure && (
          <div class="hint log-error" title={failure.lastError}>
            {causeOf(failure)}
          </div>
        )}
      </td>
      <td>{Object.keys(log.tags ?? {}).length > 0 && <Tags tags={log.tags!} most={3} />}</td>
      <td class="soft fact-cell" data-label="Changed" title={formatDate(log.updateTime!)}>
        {formatAgo(log.updateTime!, serverNow())}
      </td>
    </tr>
  );
}
