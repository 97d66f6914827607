// Chat tokens: what one says of a user, and how one is made.
import {
  CreateChatTokenCommand,
  type ChatTokenCapability,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { PermanentError, type Token } from "../messaging/room";
import { isException } from "./errors";

/** Who somebody is in a room, and for how long: what a token says. */
export interface User {
  userId: string;
  attributes: Record<string, string>;
  capabilities: ChatTokenCapability[];
  sessionMinutes: number;
}

export const capabilities: { id: ChatTokenCapability; label: string }[] = [
  { id: "SEND_MESSAGE", label: "Send messages" },
  { id: "DELETE_MESSAGE", label: "Delete messages" },
  { id: "DISCONNECT_USER", label: "Disconnect users" },
];

/** Makes a token with which a user can connect to a room, once. */
export async function createToken(
  client: IvschatClient,
  roomIdentifier: string,
  user: User,
): Promise<Token> {
  const answer = await client.send(
    new CreateChatTokenCommand({
      roomIdentifier,
      userId: user.userId,
      attributes: user.attributes,
      capabilities: user.capabilities,
      sessionDurationInMinutes: user.sessionMinutes,
    }),
  );
  return { ...answer, token: answer.token! };
}

/** The API's errors after which no token will ever come. */
const final = [
  "ResourceNotFoundException",
  "AccessDeniedException",
  "ValidationException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "PendingVerification",
];

/** Is createToken for a ChatRoom: it says which errors are permanent. */
export async function provideToken(
  client: IvschatClient,
  room: string,
  user: User,
): Promise<Token> {
  try {
    return await createToken(client, room, user);
  } catch (error) {
    if (final.some((name) => isException(error, name))) throw new PermanentError(error);
    throw error;
  }
}
