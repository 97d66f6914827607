import assert from "node:assert/strict";
import { test } from "node:test";
import { DeleteRoomCommand, ListRoomsCommand } from "@aws-sdk/client-ivschat";
import { consoleUrl, holdFrames, newClient, phone, startWire, useBrowser } from "./browser.mjs";
import { checkAccessible, checkFits } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();
const demoUrl = `${consoleUrl}demo/`;
const demoRooms = async () => (await client.send(new ListRoomsCommand({ name: "demo" }))).rooms;

const frameOf = (page, name) => page.frameLocator(`iframe[title="What ${name} sees"]`);

/** Opens the demo, and returns its page and the frames of its users. */
async function openDemo(options) {
  const page = await open(demoUrl, options);
  const frames = ["Ana", "Ben"].map((name) => frameOf(page, name));
  for (const frame of frames) await frame.getByText("Welcome to the chat").waitFor();
  return [page, ...frames];
}

async function say(frame, text) {
  await frame.getByLabel(/^Message from/).fill(text);
  await frame.getByRole("button", { name: "Send" }).click();
}

test("a newcomer opens the demo, and two users chat at once", async () => {
  const [page, ana, ben] = await openDemo();
  await say(ana, "hello Ben");
  await ben.getByText("hello Ben").waitFor();
  await ben.getByRole("button", { name: "Hello!" }).click();
  await ana.locator(".line.by-ben", { hasText: "Hello!" }).waitFor();
  await ben.getByText("moderator").waitFor(); // as the token says of Ana
  await checkAccessible(page);
  await page.reload();
  await ana.getByText("Welcome to the chat").waitFor();
  assert.equal((await demoRooms()).length, 1); // the room is found again
});

test("Ana moderates, and Ben comes back", async () => {
  const [page, ana, ben] = await openDemo();
  await say(ben, "buy followers");
  const line = ana.locator(".line.by-ben", { hasText: "buy followers" });
  await line.getByRole("button", { name: "Delete message" }).click();
  await ben.locator(".line.by-ben", { hasText: "deleted" }).waitFor();
  await say(ben, "what?");
  await ana.getByRole("button", { name: "Disconnect ben" }).click();
  await ben.getByText("You are out of the chat").waitFor();
  await checkAccessible(page);
  await ben.getByRole("button", { name: "Come back" }).click();
  await say(ben, "sorry");
  await ana.getByText("sorry").waitFor();
});

test("the next message is typed while one is on its way", async () => {
  const page = await open();
  const { sent, release } = await holdFrames(page);
  await page.goto(demoUrl);
  const ana = frameOf(page, "Ana");
  await ana.getByText("Welcome to the chat").waitFor();
  const field = ana.getByLabel(/^Message from/);
  await field.fill("first");
  for (let i = 0; i < 2; i++) await field.press("Enter");
  await field.pressSequentially("second");
  release();
  await ana.locator(".line", { hasText: "first" }).waitFor();
  assert.equal(await field.inputValue(), "second");
  assert.deepEqual(sent.map((frame) => frame.Content), ["first"]);
});

test("sessions last on a device whose clock is ahead", async () => {
  const page = await open();
  let tokens = 0;
  page.on("request", (request) => (tokens += request.url().endsWith("/CreateChatToken")));
  await page.clock.install({ time: Date.now() + 2 * 3600_000 });
  await page.goto(demoUrl);
  const ana = frameOf(page, "Ana");
  await ana.getByText(/^The session ends in (1:00:00|59:\d\d)/).waitFor();
  await frameOf(page, "Ben").getByText("Welcome to the chat").waitFor();
  await page.clock.fastForward(120_000);
  await ana.getByText(/^The session ends in 5[67]:/).waitFor();
  assert.equal(tokens, 2);
});

test("the backend sends a cheer to both", async () => {
  const [page, ana, ben] = await openDemo();
  await page.getByRole("button", { name: "Send a cheer" }).click();
  for (const frame of [ana, ben]) await frame.getByText("The backend sent a cheer").waitFor();
});

test("the picture moves, or does not when motion is not wanted", async () => {
  const [page, ana] = await openDemo();
  await page.emulateMedia({ reducedMotion: "no-preference" });
  const canvas = ana.locator("canvas");
  /** How often another picture is there after a frame of the screen. */
  const changes = () =>
    canvas.evaluate(async (canvas) => {
      const seen = new Set();
      for (let i = 0; i < 90; i++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        seen.add(canvas.toDataURL());
      }
      return seen.size;
    });
  assert.ok((await changes()) > 5);
  await page.emulateMedia({ reducedMotion: "reduce" });
  assert.ok((await changes()) <= 2); // the one that was there, and the one that stays
});

test("the demo leads on to the room and to the code", async () => {
  const [page] = await openDemo();
  await page.getByRole("link", { name: "Watch the room" }).click();
  await page.getByRole("heading", { name: "demo", exact: true }).waitFor();
  await page.getByText(/connected ·/).waitFor();
  await page.getByRole("link", { name: "Integrate" }).click();
  await page.getByRole("link", { name: "See a demo" }).click();
  await page.getByRole("heading", { name: "Chat beside a video" }).waitFor();
});

test("who cannot come back is told why", async () => {
  const wire = await startWire();
  const page = await open(wire.url(demoUrl));
  const ana = frameOf(page, "Ana");
  await ana.getByText("Welcome to the chat").waitFor();
  const [room] = await demoRooms();
  await client.send(new DeleteRoomCommand({ identifier: room.arn }));
  wire.cut();
  await ana.getByText("The connection was lost.").waitFor();
  wire.mend();
  await ana.getByText("You are out of the chat: It does not exist.").waitFor();
  expectProblems(/ERR_|WebSocket connection to .* failed|status of 404/);
});

test("a frame alone leads to the demo", async () => {
  const page = await open(`${demoUrl}viewer.html#ana`);
  await page.getByRole("link", { name: "Open the demo" }).click();
  await page.getByRole("heading", { name: "Chat beside a video" }).waitFor();
});

test("the demo fits on a phone", async () => {
  const [page, ana, ben] = await openDemo({ viewport: phone, isMobile: true, hasTouch: true });
  await checkFits(page);
  await say(ana, "from a phone");
  await ben.getByText("from a phone").waitFor();
  await checkAccessible(page);
});
