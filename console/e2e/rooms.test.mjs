import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateChatTokenCommand, GetRoomCommand } from "@aws-sdk/client-ivschat";
import {
  consoleUrl,
  createRoom,
  newClient,
  pageUrl,
  phone,
  replaceSecondTag,
  useBrowser,
} from "./browser.mjs";
import { checkAccessible, checkFits } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();

test("development mode is signed in, and a newcomer makes a room", async () => {
  const page = await open(consoleUrl);
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  await checkAccessible(page);
  await page.getByRole("button", { name: "Create room" }).first().click();
  await page.getByLabel(/^Name/).fill("lobby");
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Key of tag 1").fill("team");
  await page.getByLabel("Value of tag 1").fill("red");
  await checkAccessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Create room" }).click();
  await page.getByRole("heading", { name: "lobby", exact: true }).waitFor();
  await page.getByText("team = red").waitFor();
  await checkAccessible(page);
});

test("what is wrong with a form stands beside its fields", async () => {
  const page = await open(consoleUrl);
  await page.getByRole("button", { name: "Create room" }).first().click();
  await page.getByLabel(/^Name/).fill("no spaces");
  await page.getByLabel(/review handler/).fill("nonsense");
  await page.getByRole("dialog").getByRole("button", { name: "Create room" }).click();
  await page.getByText("Letters, digits, - and _ only.").waitFor();
  await page.getByText("It must look like").waitFor();
  await page.getByLabel(/^Name/).and(page.locator(":focus")).waitFor();
  await checkAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expectProblems(/status of 400/);
});

test("a room is changed, tagged, and deleted after its name was typed", async () => {
  const arn = await createRoom(client, { name: "studio", tags: { old: "1", kept: "2" } });
  const page = await open(pageUrl("rooms", arn));
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Messages per second").fill("42");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("42 per second").waitFor();

  await replaceSecondTag(page); // tags come in order: kept, old
  const room = await client.send(new GetRoomCommand({ identifier: arn }));
  assert.deepEqual(room.tags, { kept: "2", new: "" });
  assert.equal(room.maximumMessageRatePerSecond, 42);

  await page.getByRole("button", { name: "Delete" }).click();
  const confirm = page.getByRole("button", { name: "Delete room" });
  await confirm.and(page.locator(":disabled")).waitFor();
  await page.getByLabel("Type studio to confirm").fill("studi");
  await page.getByLabel("Type studio to confirm").press("Enter"); // does nothing
  await confirm.and(page.locator(":disabled")).waitFor();
  await page.getByLabel("Type studio to confirm").fill("studio");
  await checkAccessible(page);
  await confirm.click();
  await page.getByText("studio was deleted.").waitFor();
  await assert.rejects(client.send(new GetRoomCommand({ identifier: arn })));
  await page.goto(pageUrl("rooms", arn));
  await page.getByText("There is no such room").waitFor();
  expectProblems(/status of 404/);
});

test("rooms are searched for and leafed through", async () => {
  const names = Array.from({ length: 120 }, (_, i) => `many-${i}`);
  for (const name of names) await createRoom(client, { name, tags: { batch: "b7" } });
  const page = await open(consoleUrl);
  const search = page.getByLabel("Search rooms");
  await search.fill("MANY-11");
  await page.getByText("11 rooms with").waitFor(); // many-11, many-110 to many-119
  await search.fill("batch=b7");
  await page.getByText("1–50 of 120").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("51–100 of 120").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("101–120 of 120").waitFor();
  await page.getByRole("button", { name: "Next", disabled: true }).waitFor();
  await page.getByRole("button", { name: "Previous" }).click();
  await page.getByText("51–100 of 120").waitFor();
  await search.fill("no such room");
  await page.getByRole("heading", { name: "No such room" }).waitFor();
  await search.fill("many");
  await page.getByText("120 rooms with").waitFor();
  await page.getByRole("button", { name: "Logged" }).click();
  await page.getByText("0 logged rooms with").waitFor();
});

test("the keyboard alone is enough to make a room", async () => {
  const page = await open(consoleUrl);
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  await page.keyboard.press("Tab");
  await page.locator(":focus", { hasText: "Skip to content" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.locator(":focus", { hasText: "Create room" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "by-keyboard" }).waitFor();
});

test("pages fit on a phone", async () => {
  const name = "a-rather-long-name-of-a-room-that-does-not-fit-on-a-line";
  const arn = await createRoom(client, {
    name,
    tags: { "a-long-key-of-a-tag-that-goes-on": "and-a-value-that-goes-on-and-on-and-on" },
  });
  const page = await open(consoleUrl, { viewport: phone, isMobile: true, hasTouch: true });
  for (const [url, shown] of [
    [consoleUrl, page.getByRole("link", { name, exact: true })],
    [pageUrl("rooms", arn), page.getByRole("heading", { name: "Settings" })],
    [pageUrl("rooms", arn, "live"), page.getByText("It is quiet here")],
  ]) {
    await page.goto(url);
    await shown.waitFor();
    await checkFits(page);
    await checkAccessible(page);
  }
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Rooms", exact: true }).first().click();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
});

test("the chosen colours stay", async () => {
  const page = await open(consoleUrl);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: "Dark" }).click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark);
});

test("a room shows who is in it, and how fast it goes", async () => {
  const room = await createRoom(client, { name: "busy", maximumMessageRatePerSecond: 100 });
  const page = await open(pageUrl("rooms", room));
  const now = page.getByRole("region", { name: "Now" });
  await now.locator(".tile", { hasText: "Sessions0connected now" }).waitFor();
  const { token } = await client.send(
    new CreateChatTokenCommand({ roomIdentifier: room, userId: "ana", capabilities: ["SEND_MESSAGE"] }),
  );
  const user = await open(consoleUrl);
  await user.evaluate((token) => {
    window.ws = new WebSocket(location.origin.replace("http", "ws") + "/", token);
    const send = () => window.ws.send(JSON.stringify({ Action: "SEND_MESSAGE", Content: "hi" }));
    window.ws.onopen = () => setInterval(send, 200);
  }, token);
  await page.bringToFront();
  await now.locator(".tile", { hasText: "Sessions1connected now" }).waitFor();
  await now.locator(".tile", { hasText: /^Messages[1-9].*\/s/ }).waitFor();
  await now.locator(".tile", { hasText: /^Deliveries[1-9].*\/s/ }).waitFor();
  await checkAccessible(page);
  await user.close();
  await now.locator(".tile", { hasText: "Sessions0connected now" }).waitFor();
});
