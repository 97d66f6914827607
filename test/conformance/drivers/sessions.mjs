// Sessions of the IVS Chat messaging SDK, by name: the calls of chat.mjs in Node and of
// page.mjs in a browser. Both have WebSocket and fetch as globals.
import {
  ChatRoom, DeleteMessageRequest, DisconnectUserRequest, SendMessageRequest,
} from 'amazon-ivs-chat-messaging';

const listeners = [
  'connecting', 'connect', 'disconnect', 'message', 'event', 'messageDelete', 'userDisconnect',
];
// What a client with a retry of its own comes back from.
const comesBackFrom = ['socketError', 'fetchTokenError'];

// sessionCalls returns the calls. Everything that a listener of a session gets is given
// to report(session, event, value).
export function sessionCalls(report) {
  const sessions = new Map();
  const roomOf = (session) => sessions.get(session).room;

  const calls = {
    // create makes a room that gets its tokens from tokenURL. With dates, their times
    // are given to the SDK as Date. With comeBackAfter, in milliseconds, it connects
    // again by itself when the SDK has given up. Options are the constructor's own.
    create({ session, url, tokenURL, dates, comeBackAfter, options, logLevel }) {
      const room = new ChatRoom({
        regionOrUrl: url, tokenProvider: () => fetchToken(tokenURL, dates), ...options,
      });
      const logs = [];
      sessions.set(session, { room, logs, removers: new Map() });
      room.logger = logger(logs);
      room.logLevel = logLevel ?? room.logLevel;
      for (const name of listeners) {
        room.addListener(name, (value) => report(session, name, value));
      }
      if (comeBackAfter) {
        room.addListener('disconnect', (reason) => {
          if (comesBackFrom.includes(reason)) setTimeout(() => room.connect(), comeBackAfter);
        });
      }
      return calls.state({ session });
    },
    connect: ({ session }) => roomOf(session).connect(),
    join(args) {
      calls.create(args);
      calls.connect(args);
    },
    leave: ({ session }) => roomOf(session).disconnect(),
    state({ session }) {
      const { state, id, maxReconnectAttempts } = roomOf(session);
      return { state, id, maxReconnectAttempts };
    },
    send({ session, content, attributes }) {
      return roomOf(session).sendMessage(new SendMessageRequest(content, attributes));
    },
    deleteMessage({ session, id, reason }) {
      return roomOf(session).deleteMessage(new DeleteMessageRequest(id, reason));
    },
    disconnectUser({ session, userId, reason }) {
      return roomOf(session).disconnectUser(new DisconnectUserRequest(userId, reason));
    },
    // sendTwice sends one request object a second time before the first is answered.
    async sendTwice({ session, content }) {
      const request = new SendMessageRequest(content);
      const first = roomOf(session).sendMessage(request);
      try {
        return await roomOf(session).sendMessage(request);
      } finally {
        await first;
      }
    },
    // listen adds a listener that reports under another name. unlisten removes it: by the
    // function that addListener returned, or by removeListener.
    listen({ session, event, as }) {
      const listener = (value) => report(session, as, value);
      const remove = roomOf(session).addListener(event, listener);
      sessions.get(session).removers.set(as, { event, listener, remove });
    },
    unlisten({ session, as, method }) {
      const { event, listener, remove } = sessions.get(session).removers.get(as);
      if (method) roomOf(session).removeListener(event, listener);
      else remove();
    },
    // logs returns what the SDK has logged since the last time.
    logs: ({ session }) => sessions.get(session).logs.splice(0),
  };
  return calls;
}

async function fetchToken(url, dates) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`no token: status ${response.status}`);
  const token = await response.json();
  if (!dates) return token;
  return {
    ...token,
    tokenExpirationTime: new Date(token.tokenExpirationTime),
    sessionExpirationTime: new Date(token.sessionExpirationTime),
  };
}

// logger keeps what the SDK logs, and prints its errors; of those of sockets the text.
function logger(logs) {
  const keep = (level) => (text, detail) => {
    logs.push({ level, text });
    if (level === 'error') console.error(text, detail?.message ?? detail);
  };
  return { debug: keep('debug'), info: keep('info'), error: keep('error') };
}

// describe returns what a call failed with: an error of the SDK, or of the service.
export function describe({ id, errorCode, errorMessage, requestId, message }) {
  return { id, errorCode, errorMessage: errorMessage ?? message, requestId };
}
