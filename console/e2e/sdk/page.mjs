// The script of a page with two clients in it: the official messaging SDK, and the console's
// own module. Both are behind the same few calls, and what they receive is kept in one form,
// so that a test can compare it. It is built for each test, and is no part of the console.
import {
  ChatRoom as OfficialRoom,
  DeleteMessageRequest,
  DisconnectUserRequest,
  SendMessageRequest,
} from "amazon-ivs-chat-messaging";
import {
  ChatRoom as OwnRoom,
  deleteMessageEvent,
  disconnectUserEvent,
} from "../../src/messaging/room.ts";

const clients = {
  official({ url, tokens, take, change }) {
    const room = new OfficialRoom({ regionOrUrl: url, tokenProvider: tokens });
    room.logger = { debug() {}, info() {}, error() {} };
    room.addListener("connect", () => change("connected"));
    room.addListener("disconnect", () => change("disconnected"));
    const listen = (name, kind, more) => room.addListener(name, (e) => take(kind, e, more(e)));
    listen("message", "message", ({ content, sender }) => ({ content, sender }));
    listen("event", "event", ({ eventName }) => ({ name: eventName }));
    listen("messageDelete", "deleted", ({ messageId, reason }) => ({ of: messageId, reason }));
    listen("userDisconnect", "left", ({ userId, reason }) => ({ of: userId, reason }));
    return {
      connect: () => room.connect(),
      send: (content, attributes) => room.sendMessage(new SendMessageRequest(content, attributes)),
      remove: (id, reason) => room.deleteMessage(new DeleteMessageRequest(id, reason)),
      kick: (userId, reason) => room.disconnectUser(new DisconnectUserRequest(userId, reason)),
      codeOf: (error) => error.errorCode,
      textOf: (error) => error.errorMessage,
    };
  },
  own({ url, tokens, take, change }) {
    const takeEvent = (e) => {
      const { MessageID, UserId, Reason } = e.attributes;
      if (e.name === deleteMessageEvent) take("deleted", e, { of: MessageID, reason: Reason });
      else if (e.name === disconnectUserEvent) take("left", e, { of: UserId, reason: Reason });
      else take("event", e, { name: e.name });
    };
    const room = new OwnRoom({
      url,
      tokens,
      onState: ({ name }) => change(name),
      onFrame: (f) => {
        if (f.kind === "message") take("message", f, { content: f.content, sender: f.sender });
        else takeEvent(f);
      },
    });
    return {
      connect: () => room.connect(),
      send: (content, attributes) => room.sendMessage(content, attributes),
      remove: (id, reason) => room.deleteMessage(id, reason),
      kick: (userId, reason) => room.disconnectUser(userId, reason),
      codeOf: (error) => error.code,
      textOf: (error) => error.message,
    };
  },
};

/** The users in the page, by name: what they received, and in which states they were. */
window.users = {};

/** Connects a user. getToken, which the test gives the page, returns a token, or throws. */
window.join = (kind, name, url) => {
  const user = { seen: [], states: [], tokens: 0, answered: 0 };
  user.client = clients[kind]({
    url,
    tokens: async () => {
      user.tokens++;
      const got = await window.getToken(name, user.tokens).finally(() => user.answered++);
      return {
        token: got.token,
        tokenExpirationTime: got.expires && new Date(got.expires),
        sessionExpirationTime: got.ends && new Date(got.ends),
      };
    },
    take: (kind, { id, sendTime, attributes = {} }, more) =>
      user.seen.push({ kind, id, at: sendTime.toISOString(), attributes, ...more }),
    change: (state) => user.states.push(state),
  });
  window.users[name] = user;
  user.client.connect();
};

/** Makes a request of a user, and returns the id that it was answered with, or its error. */
window.request = async (name, call, ...args) => {
  const { client } = window.users[name];
  try {
    return { id: (await client[call](...args)).id };
  } catch (error) {
    return { code: client.codeOf(error), text: client.textOf(error) };
  }
};
