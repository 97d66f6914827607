// A field that a room is chosen in: by a part of its name, or by its ARN.
import type { IvschatClient, RoomSummary } from "@aws-sdk/client-ivschat";
import { useEffect, useId, useState } from "preact/hooks";
import { searchRooms, titleOf } from "../../api/rooms";
import { useLoad } from "../../lib/load";
import { href } from "../../router";
import { Field } from "../../ui/form";
import "./picker.css";

/** How long nothing is typed before rooms are searched for, in milliseconds. */
const typingPause = 200;

/** How many rooms are offered. */
const maxOffered = 8;

interface PickerProps {
  client: IvschatClient;
  /** The ARN of the room; empty at first, when the first room that is found is taken. */
  value: string;
  onValue: (arn: string) => void;
  error?: string | undefined;
}

export function RoomPicker({ client, value, onValue, error }: PickerProps) {
  const [typed, setTyped] = useState<string | null>(null); // null while nobody types
  const [search, setSearch] = useState("");
  const [active, setActive] = useState(0);
  const [names, setNames] = useState<Record<string, string>>({}); // of rooms that were found
  const list = useId();
  const found = useLoad((abort) => searchRooms(client, search, "", "", abort), [client, search]);
  const rooms = found.data?.rooms.slice(0, maxOffered) ?? [];

  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed?.trim() ?? ""), typingPause);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    if (!found.data) return;
    setActive(0);
    const titles = found.data.rooms.map((room) => [room.arn!, titleOf(room)]);
    setNames((known) => ({ ...known, ...Object.fromEntries(titles) }));
    if (!value && typed === null && rooms[0]) onValue(rooms[0].arn!);
  }, [found.data, value]);

  /** Whether the rooms are those that were searched for, and not those from before. */
  const settled = !found.loading && search === (typed?.trim() ?? "");
  const choose = (arn: string) => {
    setTyped(null);
    onValue(arn);
  };
  /** An ARN may be of a room that the key may not search for. */
  const leave = () => (typed?.startsWith("arn:") ? choose(typed.trim()) : setTyped(null));
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (typed === null) setTyped("");
      else if (rooms.length) {
        const step = e.key === "ArrowDown" ? 1 : rooms.length - 1;
        setActive((active + step) % rooms.length);
      }
    } else if (e.key === "Escape" && typed !== null) {
      e.preventDefault();
      setTyped(null);
    } else if (e.key === "Enter" && typed !== null) {
      e.preventDefault();
      if (typed.startsWith("arn:")) leave();
      else if (settled && rooms[active]) choose(rooms[active].arn!);
    }
  };
  const open = typed !== null && !typed.startsWith("arn:");
  const none = found.data?.total === 0 && search === "";
  return (
    <Field
      label="Room"
      error={error}
      hint={none ? <NoRooms /> : names[value] ? <span class="mono picker-arn">{value}</span> : null}
    >
      {(control) => (
        <div class="picker">
          <input
            {...control}
            class="input"
            type="text"
            role="combobox"
            aria-expanded={open}
            aria-controls={list}
            aria-autocomplete="list"
            aria-activedescendant={open && rooms[active] ? `${list}-${active}` : undefined}
            autocomplete="off"
            spellcheck={false}
            placeholder={none ? "" : "A name, a tag or an ARN"}
            value={typed ?? names[value] ?? value}
            onInput={(e) => setTyped(e.currentTarget.value)}
            onClick={(e) => {
              e.currentTarget.select();
              setTyped(typed ?? "");
            }}
            onKeyDown={key}
            onBlur={leave}
          />
          <ul class="picker-list" id={list} role="listbox" aria-label="Rooms" hidden={!open}>
            {rooms.map((room, i) => (
              <Option
                key={room.arn}
                id={`${list}-${i}`}
                room={room}
                active={i === active}
                choose={() => choose(room.arn!)}
              />
            ))}
            {rooms.length === 0 && (
              <li class="picker-none" role="option" aria-selected="false" aria-disabled="true">
                {found.loading ? "Searching…" : found.error ? "Give its ARN." : "No such room."}
              </li>
            )}
          </ul>
        </div>
      )}
    </Field>
  );
}

interface OptionProps {
  id: string;
  room: RoomSummary;
  active: boolean;
  choose: () => void;
}

function Option({ id, room, active, choose }: OptionProps) {
  return (
    <li
      id={id}
      class={active ? "active" : undefined}
      role="option"
      aria-selected={active}
      onMouseDown={(e) => e.preventDefault() /* the field keeps the focus */}
      onClick={choose}
    >
      <span class="truncate">{titleOf(room)}</span>
      {room.name && <span class="mono soft">{room.id}</span>}
    </li>
  );
}

function NoRooms() {
  return (
    <>
      There are no rooms yet. <a href={href(["rooms"])}>Make one first.</a>
    </>
  );
}
