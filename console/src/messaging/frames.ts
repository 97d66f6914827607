// What comes over the messaging plane, in forms that the pages use.

export interface Sender {
  userId: string;
  attributes: Record<string, string>;
}

export interface Message {
  kind: "message";
  id: string;
  requestId: string;
  content: string;
  attributes: Record<string, string>;
  sendTime: Date;
  sender: Sender;
}

export interface Event {
  kind: "event";
  id: string;
  requestId: string;
  name: string;
  attributes: Record<string, string>;
  sendTime: Date;
}

export interface Failure {
  kind: "error";
  id: string;
  requestId: string;
  code: number;
  message: string;
}

export type Frame = Message | Event | Failure;

/** The events that the service itself sends. */
export const deleteMessageEvent = "aws:DELETE_MESSAGE";
export const disconnectUserEvent = "aws:DISCONNECT_USER";

/** Of an ERROR frame: the session has expired, and the client should come back. */
export const sessionExpired = 401;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function attributesOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** Reads a frame, or returns null when it is none that clients know. */
export function parseFrame(data: string): Frame | null {
  let frame: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== "object" || value === null) return null;
    frame = value as Record<string, unknown>;
  } catch {
    return null;
  }
  const common = { id: text(frame.Id), requestId: text(frame.RequestId) };
  switch (frame.Type) {
    case "MESSAGE": {
      const sender = (frame.Sender ?? {}) as Record<string, unknown>;
      return {
        kind: "message",
        ...common,
        content: text(frame.Content),
        attributes: attributesOf(frame.Attributes),
        sendTime: new Date(text(frame.SendTime)),
        sender: { userId: text(sender.UserId), attributes: attributesOf(sender.Attributes) },
      };
    }
    case "EVENT":
      return {
        kind: "event",
        ...common,
        name: text(frame.EventName),
        attributes: attributesOf(frame.Attributes),
        sendTime: new Date(text(frame.SendTime)),
      };
    case "ERROR":
      return {
        kind: "error",
        ...common,
        code: Number(frame.ErrorCode),
        message: text(frame.ErrorMessage),
      };
  }
  return null;
}
