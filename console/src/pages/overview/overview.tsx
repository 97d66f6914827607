// What goes on in the server as a whole, and on each of its nodes.
import { useMemo, useState } from "preact/hooks";
import { explain, isException } from "../../api/errors";
import { getMetrics } from "../../api/metrics";
import { PageHead } from "../../app";
import { usePoll } from "../../lib/poll";
import { formatBytes, formatClock, formatDuration, formatNumber, formatShort } from "../../lib/text";
import type { PageProps } from "../../pages";
import { href } from "../../router";
import type { Session } from "../../session";
import { Button } from "../../ui/button";
import { Chart } from "../../ui/chart";
import { MissingNodes, NodeTable } from "../../ui/nodes";
import { Empty, LoadFailure, Notice, Skeleton } from "../../ui/notice";
import { Tile, Tiles } from "../../ui/tiles";
import { linesOf, nameOf, specs } from "./charts";
import { History, maxAge, sum, sumOf, type Figures, type Sample } from "./history";
import "./overview.css";

/** How often the figures are read, in milliseconds. */
const every = 2_000;

/** How much time a chart shows at least, in seconds. */
const shortest = 60;

/** What was read for whoever is signed in. It is there again when the page is. */
const histories = new WeakMap<Session, History>();

function historyOf(session: Session): History {
  const history = histories.get(session) ?? new History();
  histories.set(session, history);
  return history;
}

export default function Overview({ session }: PageProps) {
  const history = historyOf(session);
  const [paused, setPaused] = useState(false);
  const [byNode, setByNode] = useState(false);
  const poll = usePoll(
    async (abort) => {
      history.add(await getMetrics(session.client, abort));
      return history.samples;
    },
    every,
    [session],
    paused,
  );
  const samples = poll.data ?? history.samples;
  const names = useMemo(() => nodesOf(samples), [samples]);
  const last = samples.at(-1);

  return (
    <div class="page">
      <PageHead title="Overview" lead="The whole server, all accounts and regions together">
        <Status failed={poll.error !== undefined} paused={paused} known={last !== undefined} />
        {names.length > 1 && <NodeSwitch byNode={byNode} onByNode={setByNode} />}
        {last && (
          <Button icon={paused ? "play" : "pause"} onClick={() => setPaused(!paused)}>
            {paused ? "Go on" : "Pause"}
          </Button>
        )}
      </PageHead>
      {last ? (
        <div class="stack">
          {poll.error !== undefined && <Stale error={poll.error} last={last} retry={poll.reload} />}
          <MissingNodes nodes={last.missing}>The figures are those of the others.</MissingNodes>
          <Numbers figures={[...last.nodes.values()]} />
          <Charts samples={samples} byNode={byNode && names.length > 1} />
          {names.length > 1 && <NodePanel names={names} last={last} />}
        </div>
      ) : poll.error === undefined ? (
        <Skeleton lines={8} />
      ) : isException(poll.error, "AccessDeniedException") ? (
        <Forbidden error={poll.error} retry={poll.reload} />
      ) : (
        <LoadFailure error={poll.error} retry={poll.reload} />
      )}
    </div>
  );
}

/** Returns the nodes that there have been of late, by name. */
const nodesOf = (samples: readonly Sample[]): string[] =>
  [...new Set(samples.flatMap((s) => [...s.nodes.keys(), ...s.missing]))].sort();

function Status(props: { failed: boolean; paused: boolean; known: boolean }) {
  if (props.paused) return <span class="badge">paused</span>;
  if (props.failed) return <span class="badge bad dot">no figures</span>;
  return props.known ? <span class="badge good dot">live</span> : null;
}

function NodeSwitch(props: { byNode: boolean; onByNode: (byNode: boolean) => void }) {
  return (
    <div class="segments" role="group" aria-label="Charts show">
      <button type="button" aria-pressed={!props.byNode} onClick={() => props.onByNode(false)}>
        All nodes together
      </button>
      <button type="button" aria-pressed={props.byNode} onClick={() => props.onByNode(true)}>
        Each node
      </button>
    </div>
  );
}

function Forbidden({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <Empty icon="overview" title="You may not see the figures of the server">
      <p>
        They are those of all accounts together. It takes the permission{" "}
        <code>parley:GetMetrics</code>, which a policy of an operator has.
      </p>
      <p class="hint">{explain(error).detail}</p>
      <p class="row">
        <a class="button" href={href(["rooms"])}>
          Go to the rooms
        </a>
        <Button icon="refresh" onClick={retry}>
          Try again
        </Button>
      </p>
    </Empty>
  );
}

/** Says that what is shown is old. */
function Stale({ error, last, retry }: { error: unknown; last: Sample; retry: () => void }) {
  const { title, detail } = explain(error);
  return (
    <Notice kind="warn" title={title}>
      <p>
        {detail} The figures are those of {formatClock(new Date(last.at * 1000))}.
      </p>
      <p>
        <Button small icon="refresh" onClick={retry}>
          Try now
        </Button>
      </p>
    </Notice>
  );
}

const rate = (n: number | undefined): string => (n === undefined ? "–" : formatShort(n));

/** Adds up a rate over nodes; it is undefined when that of no node is known. */
function total(figures: Figures[], of: (f: NonNullable<Figures["rates"]>) => number) {
  const known = figures.flatMap((f) => (f.rates ? [of(f.rates)] : []));
  return known.length > 0 ? sum(known) : undefined;
}

function Numbers({ figures }: { figures: Figures[] }) {
  const limits = figures.map((f) => f.limit);
  const limit = limits.includes(undefined) ? undefined : sum(limits as number[]);
  const rooms = sum(figures.map((f) => f.rooms));
  const memory = sum(figures.map((f) => f.memory));
  return (
    <Tiles>
      <Tile
        label="Connections"
        value={formatNumber(sum(figures.map((f) => f.connections)))}
        hint={
          limit === undefined
            ? `peak ${formatShort(sum(figures.map((f) => f.peak)))}`
            : `of ${formatShort(limit)}`
        }
      />
      <Tile
        label="Open rooms"
        value={formatNumber(rooms)}
        hint={figures.length > 1 ? "counted on each node" : "with somebody in it"}
      />
      <Tile
        label="Messages in"
        value={rate(total(figures, (r) => sumOf(r.messages)))}
        unit="/s"
        hint="and other requests"
      />
      <Tile
        label="Deliveries"
        value={rate(total(figures, (r) => r.deliveries))}
        unit="/s"
        hint="to sessions"
      />
      <Tile
        label="Refusals"
        value={rate(total(figures, (r) => sumOf(r.refusals)))}
        unit="/s"
        hint="and handshakes"
      />
      <Tile
        label="API calls"
        value={rate(total(figures, (r) => r.calls))}
        unit="/s"
        hint="with this page’s"
      />
      <Tile
        label="CPU"
        value={rate(total(figures, (r) => r.cpu * 100))}
        unit="%"
        hint="100% is one core"
      />
      <Tile label="Memory" value={formatBytes(memory)} hint="of the server" />
    </Tiles>
  );
}

function Charts({ samples, byNode }: { samples: readonly Sample[]; byNode: boolean }) {
  const times = useMemo(() => samples.map((s) => s.at), [samples]);
  const charts = useMemo(
    () => specs.map((spec) => ({ spec, lines: linesOf(spec, samples, byNode) })),
    [samples, byNode],
  );
  const to = times.at(-1)!;
  const from = Math.max(Math.min(times[0]!, to - shortest), to - maxAge);
  const known = samples.length > 1; // rates take two readings
  return (
    <div class="charts">
      {charts.map(({ spec, lines }) => (
        <Chart
          key={spec.title}
          title={spec.title}
          hint={spec.hint}
          empty={(known && spec.empty) || "Nothing is known yet."}
          format={spec.format}
          times={times}
          lines={lines}
          range={[from, to]}
          group="overview"
        />
      ))}
    </div>
  );
}

/** What a table of nodes says of each. */
const columns = [
  "Connections",
  "Rooms",
  "Messages/s",
  "Deliveries/s",
  "Log lag",
  "CPU",
  "Memory",
];

function NodePanel({ names, last }: { names: string[]; last: Sample }) {
  const nodes = names.map((name) => {
    const figures = last.nodes.get(name);
    const gone = last.missing.includes(name) ? "missing" : "stopped";
    return { node: nameOf(name), figures: figures ? cellsOf(figures) : gone } as const;
  });
  return <NodeTable columns={columns} nodes={nodes} />;
}

const cellsOf = ({ rates, ...f }: Figures): string[] => [
  formatNumber(f.connections),
  formatNumber(f.rooms),
  rate(rates && sumOf(rates.messages)),
  rate(rates?.deliveries),
  f.lag === undefined ? "–" : formatDuration(f.lag),
  rates ? `${formatShort(rates.cpu * 100)}%` : "–",
  formatBytes(f.memory),
];
