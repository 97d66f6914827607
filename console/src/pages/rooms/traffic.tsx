// What goes on in a room now.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { useMemo } from "preact/hooks";
import { getRoomTraffic, type NodeTraffic, type RoomTraffic } from "../../api/rooms";
import { usePoll } from "../../lib/poll";
import { formatNumber, formatShort } from "../../lib/text";
import { NodeTable, type NodeFigures } from "../../ui/nodes";
import { Tile, Tiles } from "../../ui/tiles";

/** How often the counts are read, in milliseconds. */
const every = 2_000;

/** How many readings a rate is taken over: of the last ten seconds. */
const maxReadings = 6;

/** Longer ago than this, in seconds, a reading says nothing of now. */
const oldest = 15;

/** Shows the sessions of a room and its rates, or nothing when they cannot be read at all. */
export function Traffic({ client, room }: { client: IvschatClient; room: string }) {
  const readings = useMemo<RoomTraffic[]>(() => [], [client, room]);
  const poll = usePoll(
    async (abort) => {
      const now = await getRoomTraffic(client, room, abort);
      readings.push(now);
      while (readings.length > maxReadings || readings[0]!.at < now.at - oldest) readings.shift();
      const nodes = now.nodes.map((t) => nodeNow(t, readings[0]!, now.at));
      return { nodes, missing: now.missing };
    },
    every,
    [client, room],
  );
  if (poll.error !== undefined && !poll.data) return null;
  // What was read before an error says nothing of now.
  const now = poll.error === undefined ? poll.data : undefined;
  const { nodes, missing } = now ?? { nodes: [], missing: [] };
  const sessions = sum(nodes.map((n) => n.sessions));
  return (
    <section class="stack" aria-label="Now">
      <Tiles>
        <Tile
          label="Sessions"
          value={now ? formatNumber(sessions) : "–"}
          hint={missing.length > 0 ? `without ${missing.join(", ")}` : "connected now"}
        />
        <Tile
          label="Messages"
          value={formatRate(together(most, nodes.map((n) => n.messages)))}
          unit="/s"
          hint="and events"
        />
        <Tile
          label="Deliveries"
          value={formatRate(together(sum, nodes.map((n) => n.deliveries)))}
          unit="/s"
          hint="to sessions"
        />
      </Tiles>
      {nodes.length + missing.length > 1 && (
        <NodeTable
          columns={["Sessions", "Messages/s", "Deliveries/s"]}
          nodes={[...nodes.map(figuresOf), ...missing.map(missingNode)]}
        />
      )}
    </section>
  );
}

/** What goes on in the room on a node. Rates are undefined when there is nothing to compare. */
interface NodeNow {
  node: string;
  sessions: number;
  messages: number | undefined; // a second, with events
  deliveries: number | undefined; // a second
}

/** Compares what a node says at a time with what it said first. */
function nodeNow(t: NodeTraffic, first: RoomTraffic, at: number): NodeNow {
  const before = first.nodes.find((b) => b.node === t.node);
  const seconds = at - first.at;
  const rate = (of: (t: NodeTraffic) => number): number | undefined => {
    if (!before || seconds <= 0) return undefined;
    // Counts begin anew when the room was empty.
    return (of(t) < of(before) ? of(t) : of(t) - of(before)) / seconds;
  };
  return {
    node: t.node,
    sessions: t.sessions,
    messages: rate((t) => t.frames),
    deliveries: rate((t) => t.deliveries),
  };
}

const figuresOf = (n: NodeNow): NodeFigures => ({
  node: n.node,
  figures: [formatNumber(n.sessions), formatRate(n.messages), formatRate(n.deliveries)],
});

const missingNode = (node: string): NodeFigures => ({ node, figures: "missing" });

const formatRate = (n: number | undefined): string => (n === undefined ? "–" : formatShort(n));

/** Combines the rates that are known. */
function together(combine: (all: number[]) => number, rates: (number | undefined)[]) {
  const known = rates.filter((n) => n !== undefined);
  return known.length > 0 ? combine(known) : undefined;
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);

/** A message goes to all nodes that have sessions of the room: each of them counts it. */
const most = (numbers: number[]): number => Math.max(...numbers);
