// What goes on in a room now.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { useMemo } from "preact/hooks";
import { getRoomTraffic, type NodeTraffic, type RoomTraffic } from "../../api/rooms";
import { usePoll } from "../../lib/poll";
import { formatNumber, formatShort } from "../../lib/text";
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
      return { now, first: readings[0]! };
    },
    every,
    [client, room],
  );
  if (poll.error !== undefined && !poll.data) return null;
  // What was read before an error says nothing of now.
  const { now, first } = (poll.error === undefined && poll.data) || {};
  const seconds = now && first ? now.at - first.at : 0;
  const rate = (of: (t: NodeTraffic) => number, together: (all: number[]) => number): string =>
    now && first && seconds > 0 ? formatShort(together(growth(first, now, of)) / seconds) : "–";
  return (
    <section aria-label="Now">
      <Tiles>
        <Tile
          label="Sessions"
          value={now ? formatNumber(sum(now.nodes.map((t) => t.sessions))) : "–"}
          hint={now?.missing.length ? `without ${now.missing.join(", ")}` : "connected now"}
        />
        <Tile label="Messages" value={rate((t) => t.frames, most)} unit="/s" hint="and events" />
        <Tile label="Deliveries" value={rate((t) => t.deliveries, sum)} unit="/s" hint="to sessions" />
      </Tiles>
    </section>
  );
}

/** Returns what counts grew by on each node that answered both times. */
function growth(first: RoomTraffic, now: RoomTraffic, of: (t: NodeTraffic) => number): number[] {
  return now.nodes.flatMap((t) => {
    const before = first.nodes.find((b) => b.node === t.node);
    // Counts begin anew when the room was empty.
    return before ? [of(t) < of(before) ? of(t) : of(t) - of(before)] : [];
  });
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);

/** A message goes to all nodes that have sessions of the room: each of them counts it. */
const most = (numbers: number[]): number => Math.max(0, ...numbers);
