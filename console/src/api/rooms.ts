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

/** What a room has on a node. Counts begin anew when it was empty there. */
export interface NodeTraffic {
  /** Empty when it is the only node. */
  node: string;
  sessions: number;
  frames: number; // messages and events, of all nodes
  deliveries: number; // of frames to sessions
}

export interface RoomTraffic {
  at: number; // seconds since 1970
  nodes: NodeTraffic[];
  /** The names of the nodes that do not answer. */
  missing: string[];
}

export async function getRoomTraffic(
  client: IvschatClient,
  identifier: string,
  abort: AbortSignal,
): Promise<RoomTraffic> {
  interface Answer {
    time: string;
    nodes: NodeTraffic[];
    missing?: string[];
  }
  const answer = await extension<Answer>(client, "GetRoomTraffic", { identifier }, abort);
  const at = Date.parse(answer.time) / 1000;
  return { at, nodes: answer.nodes, missing: answer.missing ?? [] };
}

/** What a room is called where people read it. */
export const titleOf = (room: { name?: string | undefined; id?: string | undefined }): string =>
  room.name || room.id || "Room";
