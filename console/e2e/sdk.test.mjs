// The official messaging SDK in the same browser as the console's own module, against the
// same server. Its licence does not allow to pass it on: it is a dependency of this test
// alone, and the page with it is built here and kept nowhere.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { CreateChatTokenCommand, SendEventCommand } from "@aws-sdk/client-ivschat";
import { build } from "vite";
import {
  createRoom,
  newClient,
  newGate,
  pageUrl,
  server,
  startWire,
  useBrowser,
} from "./browser.mjs";
import { becomes } from "./check.mjs";

const { open } = useBrowser();
const client = newClient();
const chatUrl = server.replace("http", "ws");
const everything = ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"];
const site = { url: "", close() {} };

before(async () => {
  const built = await build({
    root: fileURLToPath(new URL("..", import.meta.url)),
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      target: "es2022",
      rolldownOptions: { input: fileURLToPath(new URL("sdk/page.mjs", import.meta.url)) },
    },
  });
  const script = built.output[0].code;
  const page = '<!doctype html><title>Two clients</title><link rel="icon" href="data:,">' +
    '<script type="module" src="page.js"></script>';
  const listener = createServer(({ url }, response) => {
    const isScript = url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : page);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  site.url = `http://127.0.0.1:${listener.address().port}/`;
  site.close = () => listener.close();
});
after(() => site.close());

/**
 * Opens a page with users in it, each with a client of one kind, and waits for them. Of the
 * options, tokenLives and sessionLives say how long the clients believe that a token lasts,
 * and beforeToken is awaited before there is one; all three get the number of the token.
 */
async function openPage(room, users, options = {}) {
  const { capabilities = everything, url = chatUrl } = options;
  const { tokenLives, sessionLives, beforeToken } = options;
  const page = await open();
  await page.exposeFunction("getToken", async (userId, attempt) => {
    await beforeToken?.(attempt);
    const attributes = { displayName: userId.toUpperCase() };
    const token = await client.send(
      new CreateChatTokenCommand({ roomIdentifier: room, userId, capabilities, attributes }),
    );
    // With a time of expiry, the official SDK gets another token half a minute before it.
    const until = (lives) => lives && Date.now() + lives;
    return {
      token: token.token,
      expires: until(tokenLives?.(attempt)),
      ends: until(sessionLives?.(attempt)),
    };
  });
  await page.goto(site.url);
  await page.waitForFunction(() => window.join);
  for (const [name, kind] of Object.entries(users)) {
    await page.evaluate((args) => window.join(...args), [kind, name, url]);
    await reaches(page, name, "connected");
  }
  return page;
}

const reaches = (page, name, state) =>
  page.waitForFunction(
    ([name, state]) => window.users[name].states.at(-1) === state,
    [name, state],
  );

const request = (page, ...args) => page.evaluate((args) => window.request(...args), args);

/** Waits until a user has received so much, and returns it. */
async function received(page, name, count) {
  await page.waitForFunction(
    ([name, count]) => window.users[name].seen.length >= count,
    [name, count],
  );
  return page.evaluate((name) => window.users[name].seen, name);
}

test("both clients receive the same, in the same order", async () => {
  const room = await createRoom(client, { name: "two-clients", maximumMessageRatePerSecond: 100 });
  const page = await openPage(room, { ana: "official", ben: "own" });
  const texts = ["hello", "grüße, 世界 👋", '<b>"quoted"</b>\n\\'];
  for (const [i, text] of texts.entries()) {
    await request(page, "ana", "send", text, { from: "official", n: String(i) });
    await request(page, "ben", "send", text);
  }
  await client.send(
    new SendEventCommand({ roomIdentifier: room, eventName: "poll", attributes: { id: "41" } }),
  );
  const ana = await received(page, "ana", 7);
  assert.deepEqual(await received(page, "ben", 7), ana);
  assert.deepEqual(
    ana.map((f) => f.content ?? f.name),
    [...texts.flatMap((text) => [text, text]), "poll"],
  );
  assert.deepEqual(ana[0].sender, { userId: "ana", attributes: { displayName: "ANA" } });
  assert.deepEqual(ana[0].attributes, { from: "official", n: "0" });
});

test("each client deletes and disconnects, and the other is told", async () => {
  const room = await createRoom(client, { name: "moderation" });
  const page = await openPage(room, { ana: "official", ben: "own" });
  const first = await request(page, "ana", "send", "of ana");
  const second = await request(page, "ben", "send", "of ben");
  await request(page, "ben", "remove", first.id, "by the own one");
  await request(page, "ana", "remove", second.id, "by the official one");
  const ana = await received(page, "ana", 4);
  assert.deepEqual(await received(page, "ben", 4), ana);
  assert.deepEqual(
    ana.slice(2).map(({ kind, of, reason }) => [kind, of, reason]),
    [["deleted", first.id, "by the own one"], ["deleted", second.id, "by the official one"]],
  );
  await request(page, "ana", "kick", "ben", "enough");
  await reaches(page, "ben", "disconnected");
  await page.evaluate(() => window.users.ben.client.connect());
  await reaches(page, "ben", "connected");
  await request(page, "ben", "kick", "ana", "enough");
  await reaches(page, "ana", "disconnected");
});

test("both clients are refused in the same words", async () => {
  const room = await createRoom(client, { name: "refusals", maximumMessageLength: 5 });
  const watching = await openPage(room, { ana: "official", ben: "own" }, { capabilities: [] });
  for (const call of ["send", "remove", "kick"]) {
    const refused = await request(watching, "ana", call, "x");
    assert.equal(refused.code, 403, call);
    assert.deepEqual(await request(watching, "ben", call, "x"), refused);
  }
  const page = await openPage(room, { ana: "official", ben: "own" });
  const tooLong = await request(page, "ana", "send", "too long");
  assert.equal(tooLong.code, 400);
  assert.deepEqual(await request(page, "ben", "send", "too long"), tooLong);
});

test("the official client moves to its next connection and misses nothing", async () => {
  const room = await createRoom(client, { name: "moves", maximumMessageRatePerSecond: 100 });
  // The SDK moves a second after it has connected for the first time.
  const tokenLives = (attempt) => (attempt === 1 ? 31_000 : undefined);
  const page = await openPage(room, { ana: "official", ben: "own" }, { tokenLives });
  let sent = 0;
  const moved = () =>
    page.evaluate(() => window.users.ana.tokens === 2 && window.users.ana.states.length);
  while (!(await moved()) || sent < 20) {
    const answer = await request(page, "ben", "send", `number ${++sent}`);
    assert.ok(answer.id, JSON.stringify(answer));
    assert.ok(sent < 5_000, "the client does not move");
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await request(page, "ana", "send", "the last");
  const ana = await received(page, "ana", sent + 1);
  assert.deepEqual(
    ana.map((m) => m.content),
    [...Array.from({ length: sent }, (_, i) => `number ${i + 1}`), "the last"],
  );
});

/**
 * Opens a page with a user of the console's client whose connection is lost while its next
 * one waits for a token. Both that one, with the second token, and the attempt to come back,
 * with the third, wait until their gates are released.
 */
async function loseDuringRenewal() {
  const room = await createRoom(client, { name: "lost-during-renewal" });
  const wire = await startWire();
  const gates = { 2: newGate(), 3: newGate() };
  const page = await openPage(room, { ben: "own" }, {
    url: wire.url(chatUrl),
    sessionLives: (attempt) => (attempt === 1 ? 2_000 : undefined),
    beforeToken: (attempt) => gates[attempt]?.opened,
  });
  await counts(page, "tokens", 2);
  wire.cut();
  await reaches(page, "ben", "connecting");
  wire.mend();
  await counts(page, "tokens", 3);
  return { page, wire, gates };
}

/** Waits until so many tokens of the console's client were asked for, or answered. */
const counts = (page, what, count) => becomes(() => page.evaluate(`users.ben.${what}`), count);

for (const [first, second] of [[2, 3], [3, 2]]) {
  test(`with token ${first} before token ${second}, one connection is left`, async () => {
    const { page, wire, gates } = await loseDuringRenewal();
    gates[first].release();
    await reaches(page, "ben", "connected");
    gates[second].release();
    await becomes(wire.count, { accepted: 3, open: 1 });
    assert.ok((await request(page, "ben", "send", "still here")).id);
    assert.equal(await page.evaluate("users.ben.states.at(-1)"), "connected");
  });
}

test("an attempt that fails after a renewal changes nothing", async () => {
  const { page, gates } = await loseDuringRenewal();
  gates[2].release();
  await reaches(page, "ben", "connected");
  const states = await page.evaluate("users.ben.states");
  gates[3].release(Promise.reject(new Error("no token")));
  await counts(page, "answered", 3);
  assert.deepEqual(await page.evaluate("users.ben.states"), states);
});

test("a user of the official client and the console chat", async () => {
  const room = await createRoom(client, { name: "with-the-console" });
  const page = await openPage(room, { ana: "official" });
  const console = await open(pageUrl("rooms", room, "live"));
  await console.getByText(/connected ·/).waitFor();
  await request(page, "ana", "send", "hello, console");
  await console.locator(".message", { hasText: "hello, console" }).waitFor();
  await console.getByLabel(/^Message from/).fill("hello, SDK");
  await console.keyboard.press("Enter");
  const [, answer] = await received(page, "ana", 2);
  assert.equal(answer.content, "hello, SDK");
  assert.equal(answer.sender.userId, "console");
});
