import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateChatTokenCommand, SendEventCommand } from "@aws-sdk/client-ivschat";
import {
  consoleUrl,
  createRoom,
  holdFrames,
  newClient,
  pageUrl,
  startWire,
  useBrowser,
} from "./browser.mjs";
import { becomes, checkAccessible } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();
const newRoom = (name) => createRoom(client, { name, maximumMessageRatePerSecond: 100 });

async function openLive(room) {
  const page = await open();
  await enterLive(page, room);
  return page;
}

async function enterLive(page, room) {
  await page.goto(pageUrl("rooms", room, "live"));
  await page.getByText(/connected ·/).waitFor();
}

async function joinAs(page, userId, capabilities) {
  await page.getByLabel("User id").fill(userId);
  for (const label of ["Send messages", "Delete messages", "Disconnect users"]) {
    await page.getByLabel(label).setChecked(capabilities.includes(label));
  }
  await page.getByRole("button", { name: "Join as this user" }).click();
  await page.getByText(`You are in the room as ${userId}.`).waitFor();
}

async function say(page, text) {
  await page.getByLabel(/^Message from/).fill(text);
  await page.keyboard.press("Enter");
  await message(page, text).waitFor();
}

const message = (page, text) => page.locator(".message", { hasText: text });

/** Opens a page behind this one, whose socket sends as fast as a test wants. */
async function openSender(room, userId, front) {
  const token = await client.send(
    new CreateChatTokenCommand({ roomIdentifier: room, userId, capabilities: ["SEND_MESSAGE"] }),
  );
  const page = await open(consoleUrl);
  await page.evaluate(async (token) => {
    window.ws = new WebSocket(location.origin.replace("http", "ws") + "/", token);
    window.ws.onmessage = ({ data }) => {
      window.last = JSON.parse(data).Content;
      window.heard?.();
    };
    await new Promise((resolve) => (window.ws.onopen = resolve));
  }, token.token);
  await front.bringToFront(); // pages behind are seldom painted
  return {
    /** Sends texts that a number follows, so many a second. */
    send: (count, perSecond) =>
      page.evaluate(
        ({ count, perSecond }) =>
          new Promise((resolve) => {
            const begin = performance.now();
            let sent = 0;
            const timer = setInterval(() => {
              const due = ((performance.now() - begin) / 1000) * perSecond;
              for (; sent < Math.min(due, count); sent++) {
                const Content = `number ${sent + 1} of many`;
                window.ws.send(JSON.stringify({ Action: "SEND_MESSAGE", Content }));
              }
              if (sent >= count) resolve(clearInterval(timer));
            }, 20);
          }),
        { count, perSecond },
      ),
    /** Waits until a text has come back to the socket, which shows it to nobody. */
    hears: (text) =>
      page.evaluate(async (text) => {
        while (window.last !== text) await new Promise((resolve) => (window.heard = resolve));
      }, text),
  };
}

test("two users chat, and a moderator deletes and disconnects", async () => {
  const room = await newRoom("two-users");
  const ana = await openLive(room);
  await joinAs(ana, "ana", ["Send messages"]);
  const ben = await openLive(room);
  await joinAs(ben, "ben", ["Send messages"]);
  await say(ana, "hello from ana");
  await message(ben, "hello from ana").waitFor();
  await say(ben, "buy followers");
  await message(ana, "buy followers").waitFor();
  await checkAccessible(ana);

  await message(ana, "buy followers").hover();
  await message(ana, "buy followers").getByRole("button", { name: "Delete message" }).click();
  await ana.getByLabel(/Reason/).fill("spam");
  await ana.getByRole("dialog").getByRole("button", { name: "Delete message" }).click();
  await ben.locator(".message .gone", { hasText: "deleted: spam" }).waitFor();

  await message(ana, "buy followers").hover();
  await message(ana, "buy followers").getByRole("button", { name: "Disconnect ben" }).click();
  await ana.getByRole("dialog").getByRole("button", { name: "Disconnect user" }).click();
  await ben.getByText("You are out of the room").first().waitFor();
  await checkAccessible(ben);
  await ben.getByRole("button", { name: "Join again" }).click();
  await ben.getByText(/connected ·/).waitFor();
  await say(ben, "sorry");
  await message(ana, "sorry").waitFor();
});

test("a user without the capability is told so, and loses no word", async () => {
  const page = await open();
  const { release } = await holdFrames(page);
  await enterLive(page, await newRoom("no-capability"));
  await joinAs(page, "viewer", []);
  const field = page.getByLabel(/^Message from/);
  await field.fill("may I?");
  await field.press("Enter");
  await field.pressSequentially("Please");
  release();
  await page.getByText("This user may not send messages.").waitFor();
  assert.equal(await field.inputValue(), "may I? Please");
});

test("the next message is typed while one is on its way", async () => {
  const page = await open();
  const { sent, release } = await holdFrames(page);
  await enterLive(page, await newRoom("slow"));
  const field = page.getByLabel(/^Message from/);
  await field.fill("first");
  for (let i = 0; i < 2; i++) await field.press("Enter");
  await field.pressSequentially("second");
  release();
  await message(page, "first").waitFor();
  assert.equal(await field.inputValue(), "second");
  await field.press("Enter");
  await message(page, "second").waitFor();
  assert.deepEqual(sent.map((frame) => frame.Content), ["first", "second"]);
});

test("events are sent, and frames shown and sent as they are", async () => {
  const room = await newRoom("events");
  const page = await openLive(room);
  await page.getByRole("button", { name: "Event", exact: true }).click();
  await page.getByLabel("Name").fill("poll:opened");
  await page.getByLabel("Key of attribute 1").fill("pollId");
  await page.getByLabel("Value of attribute 1").fill("41");
  await checkAccessible(page);
  await page.getByRole("button", { name: "Send event" }).click();
  await page.locator(".live-event", { hasText: "pollId = 41" }).waitFor();

  await page.getByRole("button", { name: "Frames", exact: true }).click();
  await page.locator(".frame.in", { hasText: "poll:opened" }).click();
  await page.getByText('"EventName": "poll:opened"').waitFor();
  await page.getByLabel("Frame to send").fill('{"Action":"SEND_MESSAGE","Content":"by hand"}');
  await page.getByRole("button", { name: "Send as it is" }).click();
  await message(page, "by hand").waitFor();
  await page.locator(".frame.out", { hasText: "by hand" }).waitFor();
  await checkAccessible(page);
});

test("a message is chosen and deleted with the keyboard", async () => {
  const page = await openLive(await newRoom("keyboard"));
  await say(page, "first");
  await say(page, "second");
  await page.getByRole("log", { name: /^Messages/ }).focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByText("first").waitFor();
  await page.keyboard.press("Enter"); // in the field for the reason, which is optional
  await page.locator(".message .gone", { hasText: "first" }).waitFor();
});

test("a lost connection comes back", async () => {
  const room = await newRoom("lost");
  const wire = await startWire();
  const page = await open(wire.url(pageUrl("rooms", room, "live")));
  await page.getByText(/connected ·/).waitFor();
  await say(page, "before");
  wire.cut();
  await page.getByText("There is no connection").waitFor();
  await checkAccessible(page);
  wire.mend();
  await page.getByText(/connected ·/).waitFor();
  await say(page, "after");
  await message(page, "before").waitFor();
  expectProblems(/ERR_|WebSocket connection to .* failed/);
});

test("a session is renewed before it ends, and nothing is missed or doubled", async () => {
  const room = await newRoom("renewed");
  const page = await openLive(room);
  await page.getByLabel("Session, in minutes").fill("1");
  await joinAs(page, "short", ["Send messages"]);
  const sender = await openSender(room, "steady", page);
  const count = 800;
  const sent = sender.send(count, 20); // for 40 seconds; the session is renewed after 30
  await page.getByText("The session was renewed").waitFor({ timeout: 45_000 });
  await sent;
  await message(page, `number ${count} of many`).waitFor();
  assert.deepEqual(
    await allMessages(page),
    Array.from({ length: count }, (_, i) => `number ${i + 1} of many`),
  );
});

/** Reads the whole list, of which only what is in sight is in the page. */
const allMessages = (page) =>
  page.getByRole("log", { name: /^Messages/ }).evaluate(async (list) => {
    const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const texts = new Map(); // by place, so that what comes twice in the list counts twice
    for (let top = 0; top < list.scrollHeight; top += list.clientHeight / 2) {
      list.scrollTop = top;
      for (let i = 0; i < 3; i++) await nextFrame();
      const edge = list.getBoundingClientRect().top;
      for (const row of list.querySelectorAll(".message")) {
        const text = row.querySelector(".message-text").textContent;
        const place = Math.round(row.getBoundingClientRect().top - edge + list.scrollTop);
        texts.set(`${place} ${text}`, [place, text]);
      }
    }
    return [...texts.values()].sort((a, b) => a[0] - b[0]).map(([, text]) => text);
  });

test("5,000 messages at 200 a second stay smooth and leave memory flat", async () => {
  const room = await newRoom("flood");
  const page = await openLive(room);
  const sender = await openSender(room, "flood", page);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    const { nodes } = await session.send("Memory.getDOMCounters");
    return { usedSize, nodes };
  };
  // The log is full after this, so that nothing is left to grow.
  await sender.send(5_000, 1_000);
  await message(page, "number 5000 of many").waitFor();
  const before = await heap();
  await sender.send(5_000, 200);
  const now = () => Date.now();
  const [heard, shown] = await Promise.all([
    sender.hears("number 5000 of many").then(now),
    message(page, "number 5000 of many").waitFor().then(now),
  ]);
  const lag = shown - heard; // behind a page that shows nothing, on the same machine
  const after = await heap();
  assert.ok(lag < 5_000, `the last message was shown ${lag} ms after it had come`);
  assert.ok(after.usedSize < before.usedSize * 1.3 + 1e6, `heap grew: ${JSON.stringify({ before, after })}`);
  assert.ok(after.nodes < 5_000, `there are ${after.nodes} nodes`);

  // Away from the end, what is in sight stays there.
  const log = page.getByRole("log", { name: /^Messages/ });
  await log.hover();
  await page.mouse.wheel(0, -3_000);
  await page.getByRole("button", { name: "Newest" }).waitFor();
  /** What is there once scrolling is over, and nothing moves for some frames. */
  const inSight = () =>
    log.evaluate(async (list) => {
      const top = list.getBoundingClientRect().top;
      const look = () => {
        const rows = [...list.querySelectorAll(".message")];
        const first = rows.find((r) => r.getBoundingClientRect().top >= top);
        return { text: first.textContent, at: first.getBoundingClientRect().top };
      };
      let seen = look();
      for (let same = 0; same < 10; same++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = look();
        if (now.text !== seen.text || now.at !== seen.at) [seen, same] = [now, 0];
      }
      return seen;
    });
  const seen = await inSight();
  await sender.send(300, 300);
  await page.waitForTimeout(300); // nothing happens, which is the point
  const still = await inSight();
  assert.equal(still.text, seen.text);
  assert.ok(Math.abs(still.at - seen.at) <= 1, `it moved from ${seen.at} to ${still.at}`);
  await page.getByRole("button", { name: "Newest" }).click();
  await message(page, "number 300 of many").waitFor();
});

test("what the console does not follow reaches it in order", async () => {
  const room = await newRoom("order");
  const page = await openLive(room);
  for (const name of ["one", "two", "three"]) {
    await client.send(new SendEventCommand({ roomIdentifier: room, eventName: name }));
  }
  const names = page.locator(".live-event strong");
  await becomes(() => names.allTextContents(), ["one", "two", "three"]);
});
