// A field that a room is chosen in: by a part of its name, or by its ARN.
import type { IvschatClient, RoomSummary } from "@aws-sdk/client-ivschat";
import { useEffect, useId, useLayoutEffect, useState } from "preact/hooks";
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
  // What the field says while it has the focus and nobody types, or null. A name that comes
  // late must not take the place of a text that somebody has selected to type over it.
  const [held, setHeld] = useState<string | null>(null);
  const [active, setActive] = useState(0);
  const list = useId();
  const { found, rooms, names, settled, nothing } = useRooms(client, typed?.trim() ?? "");

  // At once, so that an arrow key counts that is pressed as soon as the rooms are there.
  useLayoutEffect(() => setActive(0), [found, value]);
  useEffect(() => {
    if (!value && typed === null && rooms[0]) onValue(rooms[0].arn!);
  }, [found, value]);

  const choose = (arn: string) => {
    setTyped(null);
    setHeld(names[arn] ?? arn);
    onValue(arn);
  };
  /** An ARN may be of a room that the key may not search for. */
  const take = () => (typed?.startsWith("arn:") ? choose(typed.trim()) : setTyped(null));
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
      if (typed.startsWith("arn:")) take();
      else if (settled && rooms[active]) choose(rooms[active].arn!);
    }
  };
  const open = typed !== null && !typed.startsWith("arn:");
  const none = found?.search === "" && found.total === 0;
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
            value={typed ?? held ?? names[value] ?? value}
            onFocus={(e) => setHeld(e.currentTarget.value)}
            onInput={(e) => setTyped(e.currentTarget.value)}
            onClick={(e) => {
              e.currentTarget.select();
              setTyped(typed ?? "");
            }}
            onKeyDown={key}
            onBlur={() => {
              take();
              setHeld(null);
            }}
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
                {nothing}
              </li>
            )}
          </ul>
        </div>
      )}
    </Field>
  );
}

/** Searches for rooms with a text, once that stays as it is for a moment. */
function useRooms(client: IvschatClient, text: string) {
  const [search, setSearch] = useState(text);
  const [names, setNames] = useState<Record<string, string>>({});
  const load = useLoad(
    async (abort) => ({ search, ...(await searchRooms(client, search, "", "", abort)) }),
    [client, search],
  );
  const found = load.data;
  useEffect(() => {
    const timer = setTimeout(() => setSearch(text), typingPause);
    return () => clearTimeout(timer);
  }, [text]);
  useLayoutEffect(() => {
    const titles = found?.rooms.map((room) => [room.arn!, titleOf(room)]) ?? [];
    setNames((known) => ({ ...known, ...Object.fromEntries(titles) }));
  }, [found]);

  const settled = found?.search === text;
  const failed = load.error !== undefined && !load.loading;
  return {
    /** What was found last; it stays until the next answer. */
    found,
    /** The rooms that are offered. */
    rooms: found?.rooms.slice(0, maxOffered) ?? [],
    /** The names of all rooms that were ever found. */
    names,
    /** Whether the rooms are those with the text, and not those from before. */
    settled,
    /** What is said when there are none. */
    nothing: settled ? "No such room." : failed ? "Give its ARN." : "Searching…",
  };
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
