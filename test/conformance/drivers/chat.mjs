// Holds sessions of the IVS Chat messaging SDK. Usage: node chat.mjs URL
// Everything that a listener of a session gets is reported as an event.
import {
  ChatRoom, DeleteMessageRequest, DisconnectUserRequest, SendMessageRequest,
} from 'amazon-ivs-chat-messaging';
import WebSocket from 'ws';
import { answer, report } from './lines.mjs';

globalThis.WebSocket = WebSocket; // the SDK uses the browser's

const [url] = process.argv.slice(2);
const rooms = new Map();
const listeners = [
  'connecting', 'connect', 'disconnect', 'message', 'event', 'messageDelete', 'userDisconnect',
];

// log prints what the SDK logs, and of the errors of sockets only the text.
function log(text, detail) {
  console.error(text, detail?.message ?? detail);
}

const calls = {
  // join connects with the tokens, one for each attempt; when they have run out, the
  // last is offered again. asked counts the attempts.
  join({ session, tokens }) {
    const room = new ChatRoom({
      regionOrUrl: url,
      tokenProvider: async () => ({ token: tokens[Math.min(state.asked++, tokens.length - 1)] }),
    });
    const state = { room, asked: 0 };
    room.logLevel = 'error';
    room.logger = { debug: log, info: log, error: log };
    for (const name of listeners) {
      room.addListener(name, (value) => report(session, name, value));
    }
    rooms.set(session, state);
    room.connect();
  },
  leave: ({ session }) => rooms.get(session).room.disconnect(),
  state({ session }) {
    const { room, asked } = rooms.get(session);
    return { state: room.state, asked };
  },
  send({ session, content, attributes }) {
    return rooms.get(session).room.sendMessage(new SendMessageRequest(content, attributes));
  },
  deleteMessage({ session, id, reason }) {
    return rooms.get(session).room.deleteMessage(new DeleteMessageRequest(id, reason));
  },
  disconnectUser({ session, userId, reason }) {
    return rooms.get(session).room.disconnectUser(new DisconnectUserRequest(userId, reason));
  },
};

function describe({ id, errorCode, errorMessage, requestId, message }) {
  return { id, errorCode, errorMessage: errorMessage ?? message, requestId };
}

answer((call, args) => calls[call](args), describe);
