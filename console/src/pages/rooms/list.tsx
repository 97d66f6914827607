// The rooms of the account in the region: searched for, in pages.
import type { RoomSummary } from "@aws-sdk/client-ivschat";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { searchRooms, titleOf, type RoomFilter } from "../../api/rooms";
import { serverNow } from "../../api/server";
import { PageHead } from "../../app";
import { useLeaf } from "../../lib/leaf";
import { formatAgo, formatDate, formatNumber } from "../../lib/text";
import type { PageProps } from "../../pages";
import { go, href, useGo } from "../../router";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Empty, LoadFailure, Skeleton } from "../../ui/notice";
import { EmptyPage, Pager } from "../../ui/pager";
import { Tags } from "../../ui/tags";
import { CreateRoom } from "./form";

/** How long nothing is typed before rooms are searched for, in milliseconds. */
const typingPause = 200;

export default function RoomList({ session, query }: PageProps) {
  const text = query.get("search") ?? "";
  const only = filters.find((f) => f.value === query.get("only"))?.value ?? "";
  const goLater = useGo();
  const [creating, setCreating] = useState(false);
  const list = useLeaf(
    (token, abort) => searchRooms(session.client, text, only, token, abort),
    [session.client, text, only],
  );
  const search = useCallback(
    (text: string) => go(href(["rooms"], { search: text, only }), true),
    [only],
  );

  return (
    <div class="page">
      <PageHead title="Rooms" lead={list.data && summary(list.data.total, text, only)}>
        <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
          Create room
        </Button>
      </PageHead>
      <div class="stack">
        <div class="row wrap">
          <SearchBox value={text} onValue={search} />
          <div class="segments" role="group" aria-label="Filter">
            {filters.map((f) => (
              <button
                key={f.value}
                type="button"
                aria-pressed={f.value === only}
                onClick={() => go(href(["rooms"], { search: text, only: f.value }), true)}
              >
                {f.label}
              </button>
            ))}
          </div>
        </div>
        {list.error !== undefined && <LoadFailure error={list.error} retry={list.reload} />}
        {list.data ? (
          <div class="panel">
            {list.data.rooms.length > 0 ? (
              <RoomTable rooms={list.data.rooms} stale={list.loading} />
            ) : list.back ? (
              <EmptyPage restart={list.restart} />
            ) : (
              <NoRooms searched={text !== "" || only !== ""} create={() => setCreating(true)} />
            )}
            <Pager
              page={list.page}
              total={list.data.total}
              shown={list.data.rooms.length}
              back={list.back}
              next={list.next}
            />
          </div>
        ) : (
          list.error === undefined && <Skeleton lines={6} />
        )}
      </div>
      {creating && (
        <CreateRoom
          client={session.client}
          onClose={() => setCreating(false)}
          onDone={(room) => goLater(href(["rooms", room.arn!]))}
        />
      )}
    </div>
  );
}

const filters: { value: RoomFilter; label: string }[] = [
  { value: "", label: "All" },
  { value: "REVIEWED", label: "Reviewed" },
  { value: "LOGGED", label: "Logged" },
];

function summary(total: number, text: string, only: RoomFilter): string {
  const kind = only && only.toLowerCase() + " ";
  const rooms = `${formatNumber(total)} ${kind}${total === 1 ? "room" : "rooms"}`;
  return text ? `${rooms} with “${text}”` : rooms;
}

function SearchBox({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  // What was told last comes back as the value, a moment later. That must not undo what was
  // typed meanwhile.
  const told = useRef(value);
  useEffect(() => {
    if (typed === told.current) return;
    const timer = setTimeout(() => {
      told.current = typed;
      onValue(typed);
    }, typingPause);
    return () => clearTimeout(timer);
  }, [typed, onValue]);
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setTyped(value);
  }, [value]);
  return (
    <div class="searchbox" role="search">
      <Icon name="search" />
      <input
        class="input"
        type="search"
        aria-label="Search rooms"
        placeholder="Search by name, id or tag"
        maxLength={385}
        value={typed}
        onInput={(e) => setTyped(e.currentTarget.value)}
      />
    </div>
  );
}

function RoomTable({ rooms, stale }: { rooms: RoomSummary[]; stale: boolean }) {
  return (
    <table class={stale ? "table stale" : "table"}>
      <thead>
        <tr>
          <th scope="col">Room</th>
          <th scope="col">Tags</th>
          <th scope="col">Review and logs</th>
          <th scope="col">Changed</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rooms.map((room) => (
          <tr key={room.arn}>
            <td class="main-cell">
              <div class="truncate">
                <a href={href(["rooms", room.arn!])}>{titleOf(room)}</a>
              </div>
              {room.name && <div class="mono soft">{room.id}</div>}
            </td>
            <td>{hasTags(room) && <Tags tags={room.tags!} most={3} />}</td>
            <td>{features(room)}</td>
            <td class="soft fact-cell" data-label="Changed" title={formatDate(room.updateTime!)}>
              {formatAgo(room.updateTime!, serverNow())}
            </td>
            <td class="act-cell">
              <a class="button small" href={href(["rooms", room.arn!, "live"])}>
                <Icon name="play" />
                Live<span class="visually-hidden"> view of {titleOf(room)}</span>
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const hasTags = (room: RoomSummary): boolean => Object.keys(room.tags ?? {}).length > 0;

function features(room: RoomSummary) {
  const logs = room.loggingConfigurationIdentifiers?.length ?? 0;
  const reviewed = !!room.messageReviewHandler?.uri;
  if (!reviewed && logs === 0) return null;
  return (
    <div class="tags">
      {reviewed && <span class="badge accent">reviewed</span>}
      {logs > 0 && <span class="badge">{logs === 1 ? "logged" : `${logs} logs`}</span>}
    </div>
  );
}

function NoRooms({ searched, create }: { searched: boolean; create: () => void }) {
  if (searched) {
    return (
      <Empty icon="search" title="No such room">
        <p>Names, ids and tags were searched.</p>
      </Empty>
    );
  }
  return (
    <Empty icon="rooms" title="No rooms yet">
      <p>A room is where people chat. Make one, and open it to see what is said.</p>
      <div class="row wrap">
        <Button kind="primary" icon="plus" onClick={create}>
          Create room
        </Button>
        <a class="button" href="demo/">
          <Icon name="play" />
          See a demo
        </a>
      </div>
    </Empty>
  );
}
