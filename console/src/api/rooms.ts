// Rooms as the pages show them.
import {
  GetRoomCommand,
  type GetRoomCommandOutput,
  type IvschatClient,
  type RoomSummary,
} from "@aws-sdk/client-ivschat";
import { extension } from "./client";

export type Room = GetRoomCommandOutput;

export interface RoomPage {
  rooms: RoomSummary[];
  nextToken?: string;
  /** How many rooms match in all. */
  total: number;
}

/** Which rooms are looked for: any, those with a review handler, or those with chat logs. */
export type RoomFilter = "" | "REVIEWED" | "LOGGED";

/** Returns a page of the rooms that have a text in their name, their id or a tag. */
export async function searchRooms(
  client: IvschatClient,
  text: string,
  only: RoomFilter,
  nextToken: string,
  abort: AbortSignal,
): Promise<RoomPage> {
  interface Answer extends Omit<RoomPage, "rooms"> {
    rooms: (Omit<RoomSummary, "createTime" | "updateTime"> & {
      createTime: string;
      updateTime: string;
    })[];
  }
  const input = { text, only, nextToken };
  const page = await extension<Answer>(client, "SearchRooms", input, abort);
  const rooms = page.rooms.map((room) => ({
    ...room,
    createTime: new Date(room.createTime),
    updateTime: new Date(room.updateTime),
  }));
  return { ...page, rooms };
}

export const getRoom = (
  client: IvschatClient,
  identifier: string,
  abortSignal: AbortSignal,
): Promise<Room> => client.send(new GetRoomCommand({ identifier }), { abortSignal });

/** What a room has, all nodes together. Counts begin anew when it was empty. */
export interface RoomTraffic {
  at: number; // seconds since 1970
  sessions: number;
  frames: number; // messages and events
  deliveries: number; // of frames to sessions
}

export async function getRoomTraffic(
  client: IvschatClient,
  identifier: string,
  abort: AbortSignal,
): Promise<RoomTraffic> {
  interface Answer {
    time: string;
    nodes: Omit<RoomTraffic, "at">[];
  }
  const answer = await extension<Answer>(client, "GetRoomTraffic", { identifier }, abort);
  const total = { at: Date.parse(answer.time) / 1000, sessions: 0, frames: 0, deliveries: 0 };
  for (const node of answer.nodes) {
    total.sessions += node.sessions;
    total.frames += node.frames;
    total.deliveries += node.deliveries;
  }
  return total;
}

/** What a room is called where people read it. */
export const titleOf = (room: { name?: string | undefined; id?: string | undefined }): string =>
  room.name || room.id || "Room";
