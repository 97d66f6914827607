// What the tests in a browser share. The Go test in test/console starts a server for each
// file, and says in the environment where it is: PARLEY_URL, PARLEY_CHROMIUM, and the program
// parley in PARLEY_COMMAND.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { after, before, beforeEach, afterEach } from "node:test";
import { CreateChatTokenCommand, CreateRoomCommand, IvschatClient } from "@aws-sdk/client-ivschat";
import { chromium } from "playwright-core";
import { patience } from "./check.mjs";

export const server = process.env.PARLEY_URL;
export const consoleUrl = `${server}/console/`;

/** The size of a desktop's window and of a phone's. */
export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 780 };

export const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () =>
  chromium.launch({
    executablePath: process.env.PARLEY_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: flags,
    timeout: 2 * patience, // the first start after an installation reads it all from disk
  });

/** Returns a client of the server with the key of development mode, or another one. */
export const newClient = (accessKeyId = "test", secretAccessKey = "test") =>
  new IvschatClient({
    endpoint: server,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey },
  });

export async function createRoom(client, settings) {
  return (await client.send(new CreateRoomCommand(settings))).arn;
}

/** Has the page of something that has two tags put one named new in the place of the second. */
export async function replaceSecondTag(page) {
  await page.getByRole("button", { name: "Edit tags" }).click();
  await page.getByRole("button", { name: "Remove tag 2" }).click();
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Key of tag 2").fill("new");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

/** Joins a room in a page, as its window.ws, which stays in it until it is closed. */
export async function join(page, client, room, userId) {
  const command = new CreateChatTokenCommand({
    roomIdentifier: room,
    userId,
    capabilities: ["SEND_MESSAGE"],
  });
  const { token } = await client.send(command);
  await page.evaluate(async (token) => {
    window.ws = new WebSocket(location.origin.replace("http", "ws") + "/", token);
    await new Promise((resolve) => (window.ws.onopen = resolve));
  }, token);
}

/** The address of a page of the console. */
export const pageUrl = (...parts) => `${consoleUrl}#/${parts.map(encodeURIComponent).join("/")}`;

/** Returns a promise, and the function that resolves it. */
export function newGate() {
  let release;
  const opened = new Promise((resolve) => (release = resolve));
  return { opened, release };
}

/** Holds back a page's requests to an address, until the function that it returns is called. */
export async function holdRequests(page, address) {
  const { opened, release } = newGate();
  await page.route(address, async (route) => {
    await opened;
    await route.continue();
  });
  return release;
}

/**
 * Holds back the frames that a page receives, until release is called. In sent are those that
 * it sends.
 */
export async function holdFrames(page) {
  const { opened, release } = newGate();
  const sent = [];
  await page.routeWebSocket(/.*/, (near) => {
    const far = near.connectToServer();
    near.onMessage((data) => {
      sent.push(JSON.parse(data));
      far.send(data);
    });
    far.onMessage(async (data) => {
      await opened;
      near.send(data);
    });
  });
  return { sent, release };
}

/** Starts a way to the server that can be cut, as networks are. */
export async function startWire() {
  const target = new URL(server);
  const open = new Set();
  let accepted = 0;
  let cut = false;
  const wire = createServer((near) => {
    if (cut) return near.destroy();
    accepted++;
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [[near, far], [far, near]]) {
      open.add(socket);
      socket.on("error", () => {}); // of a cut
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise((resolve) => wire.listen(0, "127.0.0.1", resolve));
  after(() => wire.close());
  return {
    url: (address) => address.replace(target.port, wire.address().port),
    /** Breaks all connections, and refuses new ones until mend is called. */
    cut: () => {
      cut = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => (cut = false),
    /** How many connections there were, and how many of them are open. */
    count: () => ({ accepted, open: open.size / 2 }),
  };
}

/**
 * Starts a browser for the tests of a file. Each test gets a window of its own from open().
 * A test fails when a page of it had an error, broke its policy, or asked another server
 * for anything.
 */
export function useBrowser() {
  const shared = { browser: null, context: null, problems: [], expected: [] };
  before(async () => {
    shared.browser = await launch();
  });
  after(() => shared.browser?.close());
  beforeEach(async () => {
    shared.problems = [];
    shared.expected = [];
    shared.context = await newContext(shared);
  });
  afterEach(async () => {
    await Promise.all(shared.browser.contexts().map((context) => context.close()));
    const isExpected = (problem) => shared.expected.some((pattern) => pattern.test(problem));
    assert.deepEqual(shared.problems.filter((problem) => !isExpected(problem)), []);
  });
  return {
    open: async (url, options) => {
      const context = options ? await newContext(shared, options) : shared.context;
      const page = await context.newPage();
      if (url) await page.goto(url);
      return page;
    },
    /** Errors that a test expects do not fail it, whenever in it they come. */
    expectProblems: (pattern) => shared.expected.push(pattern),
  };
}

async function newContext(shared, options = {}) {
  const context = await shared.browser.newContext({ viewport: desktop, ...options });
  context.setDefaultTimeout(patience);
  context.on("weberror", (e) => shared.problems.push(String(e.error())));
  context.on("console", (m) => {
    if (m.type() === "error" || m.type() === "warning") shared.problems.push(m.text());
  });
  context.on("request", (r) => {
    const url = new URL(r.url());
    const own = url.hostname === new URL(server).hostname || url.protocol === "data:";
    if (!own) shared.problems.push(`asked for ${r.url()}`);
  });
  return context;
}
