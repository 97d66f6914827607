// What the console shows of a cluster: ada, whose pages are opened, bob, and cyd, who is ended
// and started again. PARLEY_NODES says where they are, and PARLEY_CONTROL where the Go test is
// asked to do that.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { CreateLoggingConfigurationCommand } from "@aws-sdk/client-ivschat";
import { consoleUrl, createRoom, join, newClient, pageUrl, phone, useBrowser } from "./browser.mjs";
import { checkAccessible, checkFits } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();
const nodes = Object.fromEntries(process.env.PARLEY_NODES.split(",").map((n) => n.split("=")));

let room, log;
before(async () => {
  const command = new CreateLoggingConfigurationCommand({
    name: "archive",
    destinationConfiguration: { s3: { bucketName: "archive" } },
  });
  log = (await client.send(command)).arn;
  room = await createRoom(client, { name: "lobby", loggingConfigurationIdentifiers: [log] });
});

/** Has a node end or start; returns when that is done. */
async function control(action, node) {
  const answer = await fetch(`${process.env.PARLEY_CONTROL}/${action}/${node}`, { method: "POST" });
  assert.equal(answer.status, 200, await answer.text());
}

async function openSignedIn(options) {
  const page = await open(consoleUrl, options);
  await page.getByLabel("Access key ID").fill("test");
  await page.getByLabel("Secret access key").fill("test");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  return page;
}

/** Opens a page of a node that joins the room there. */
async function joinAt(node, userId) {
  const page = await open(`${nodes[node]}/console/`);
  await join(page, client, room, userId);
  return page;
}

/** Has whoever joined in a page say something, and waits until it is heard. */
const say = (page) =>
  page.evaluate(async () => {
    const heard = new Promise((resolve) => (window.ws.onmessage = resolve));
    window.ws.send(JSON.stringify({ Action: "SEND_MESSAGE", Content: "hello" }));
    await heard;
  });

/** Has one user join at ada, two at bob, and three at cyd, who each say something. */
async function joinAll() {
  let n = 0;
  for (const node of ["ada", "bob", "bob", "cyd", "cyd", "cyd"]) {
    await say(await joinAt(node, `user-${++n}`));
  }
}

const row = (page, name) => page.getByRole("row", { name });

/** Waits for a tile with a number, and what is below it. */
const tile = (page, label, value, hint = "") =>
  page.locator(".tile", { hasText: new RegExp(`^${label}${value}${hint}`) }).waitFor();

/** Opens the pages that tell of nodes, and looks at each. */
async function look(page, { overview, traffic, delivery, deliveries }) {
  await page.bringToFront();
  await page.goto(pageUrl("overview"));
  await overview();
  await page.goto(pageUrl("rooms", room));
  await traffic();
  await page.goto(pageUrl("logs", log));
  await delivery();
  await page.goto(pageUrl("logs"));
  await deliveries();
}

const silent = (page) => page.getByText("cyd does not answer");

/** Waits until the list of chat logs says how they are doing, on all nodes. */
async function delivering(page) {
  await row(page, /^archive .* delivering/).waitFor();
  await silent(page).waitFor({ state: "detached" });
}

test("nodes are shown together and each", async () => {
  const page = await openSignedIn();
  await joinAll();
  await look(page, {
    overview: async () => {
      await tile(page, "Connections", 6);
      for (const [i, node] of ["ada", "bob", "cyd"].entries()) {
        await row(page, new RegExp(`^${node} ${i + 1} 1 `)).waitFor();
      }
      await page.getByRole("img", { name: /^Connections, now: sessions 6$/ }).waitFor();
      await page.getByRole("button", { name: "Each node" }).click();
      await page.getByRole("img", { name: /^Connections, now: ada 1, bob 2, cyd 3$/ }).waitFor();
      await checkAccessible(page);
    },
    traffic: async () => {
      await tile(page, "Sessions", 6, "connected now");
      for (const [i, node] of ["ada", "bob", "cyd"].entries()) {
        await row(page, `${node} ${i + 1} 0 0`).waitFor();
      }
      await checkAccessible(page);
    },
    delivery: async () => {
      for (const [i, node] of ["ada", "bob", "cyd"].entries()) {
        await page.getByRole("heading", { name: node, exact: true }).waitFor();
        await page.getByText(new RegExp(`^${i + 1} records? since ${node} started$`)).waitFor();
      }
      await checkAccessible(page);
    },
    deliveries: () => delivering(page),
  });
});

test("a node that is killed does not answer, until it is back", async () => {
  const page = await openSignedIn();
  await joinAll();
  await page.goto(pageUrl("overview"));
  await tile(page, "Connections", 6);
  await control("kill", "cyd");
  await look(page, {
    overview: async () => {
      await silent(page).waitFor();
      await row(page, "cyd does not answer").waitFor();
      await tile(page, "Connections", 3);
      await checkAccessible(page);
    },
    traffic: async () => {
      await row(page, "cyd does not answer").waitFor();
      await tile(page, "Sessions", 3, "without cyd");
      await row(page, "bob 2 0 0").waitFor();
      await checkAccessible(page);
    },
    delivery: async () => {
      await silent(page).waitFor();
      await page.getByRole("heading", { name: "bob", exact: true }).waitFor();
      await checkAccessible(page);
    },
    deliveries: () => silent(page).waitFor(),
  });
  await control("start", "cyd");
  await say(await joinAt("cyd", "back"));
  await look(page, {
    overview: async () => {
      await row(page, /^cyd 1 1 /).waitFor();
      await silent(page).waitFor({ state: "detached" });
      await tile(page, "Connections", 4);
    },
    traffic: async () => {
      await row(page, "cyd 1 0 0").waitFor();
      await tile(page, "Sessions", 4, "connected now");
    },
    delivery: async () => {
      await page.getByRole("heading", { name: "cyd", exact: true }).waitFor();
      await silent(page).waitFor({ state: "detached" });
    },
    deliveries: () => delivering(page),
  });
  expectProblems(/ERR_|WebSocket/);
});

test("a node that is stopped in order is not missed", async () => {
  const page = await openSignedIn();
  await joinAt("ada", "ana");
  await joinAt("cyd", "cara");
  await page.goto(pageUrl("overview"));
  await row(page, /^cyd 1 1 /).waitFor();
  await control("stop", "cyd");
  await look(page, {
    overview: async () => {
      await row(page, "cyd was stopped").waitFor();
      await silent(page).waitFor({ state: "detached" });
    },
    traffic: async () => {
      await tile(page, "Sessions", 1, "connected now");
      await row(page, /^cyd/).waitFor({ state: "detached" });
    },
    delivery: async () => {
      await page.getByRole("heading", { name: "ada", exact: true }).waitFor();
      await silent(page).waitFor({ state: "detached" });
    },
    deliveries: () => delivering(page),
  });
  await control("start", "cyd");
  await page.goto(pageUrl("overview"));
  await row(page, /^cyd 0 0 /).waitFor();
});

test("pages fit on a phone while a node does not answer", async () => {
  await control("kill", "cyd");
  const page = await openSignedIn({ viewport: phone, isMobile: true, hasTouch: true });
  for (const url of [pageUrl("overview"), pageUrl("rooms", room), pageUrl("logs", log)]) {
    await page.goto(url);
    await page.getByText("does not answer").first().waitFor();
    await checkFits(page);
    await checkAccessible(page);
  }
  await control("start", "cyd");
});
