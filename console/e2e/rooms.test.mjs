import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateChatTokenCommand,
  DeleteRoomCommand,
  GetRoomCommand,
  UpdateRoomCommand,
} from "@aws-sdk/client-ivschat";
import {
  consoleUrl,
  createRoom,
  holdRequests,
  newClient,
  pageUrl,
  phone,
  replaceSecondTag,
  useBrowser,
} from "./browser.mjs";
import { becomes, checkAccessible, checkFits } from "./check.mjs";

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
  await page.getByText("10 per second, of up to 500 characters").waitFor();
  // What others change meanwhile stays as they want it.
  await client.send(new UpdateRoomCommand({ identifier: arn, maximumMessageLength: 99 }));
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Messages per second").fill("42");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("42 per second, of up to 99 characters").waitFor();

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

test("tags that are refused change nothing, or what the page then shows", async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`tag-${i}`, ""]));
  for (const [tags, left] of [
    [{ keep: "1", old: "2" }, ["keep = 1", "old = 2"]],
    // There is no room for the new one before the second one is gone.
    [many, Object.keys(many).sort().toSpliced(1, 1)],
  ]) {
    const arn = await createRoom(client, { tags });
    const page = await open(pageUrl("rooms", arn));
    await page.getByRole("button", { name: "Edit tags" }).click();
    await page.getByRole("button", { name: "Remove tag 2", exact: true }).click();
    await page.getByRole("button", { name: "Add tag" }).click();
    const size = Object.keys(tags).length;
    await page.getByLabel(`Key of tag ${size}`, { exact: true }).fill("aws:mine");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").locator(".notice, .field-error").first().waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.deepEqual((await page.locator(".tags .tag").allTextContents()).sort(), left);
    const room = await client.send(new GetRoomCommand({ identifier: arn }));
    assert.equal(Object.keys(room.tags).length, left.length);
  }
  expectProblems(/status of 400/);
});

test("a late answer leaves the user on the page where one is by then", async () => {
  const page = await open(consoleUrl);
  const dialog = page.getByRole("dialog");
  const leave = async (answer, said) => {
    await page.goto(pageUrl("token")); // as Back does, which no dialog holds
    await page.getByLabel("User id").fill("typed");
    answer();
    await page.getByText(said).waitFor();
    assert.match(await page.evaluate("location.hash"), /^#\/token/);
    assert.equal(await page.getByLabel("User id").inputValue(), "typed");
  };
  await page.getByRole("button", { name: "Create room" }).first().click();
  await page.getByLabel(/^Name/).fill("slow");
  const create = await holdRequests(page, "**/CreateRoom");
  await dialog.getByRole("button", { name: "Create room" }).click();
  // The dialog cannot be closed before it is known what became of the room.
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Cancel", disabled: true }).waitFor();
  await leave(create, "slow was created.");

  await page.goto(pageUrl("rooms", await createRoom(client, { name: "stale" })));
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Type stale to confirm").fill("stale");
  const remove = await holdRequests(page, "**/DeleteRoom");
  await dialog.getByRole("button", { name: "Delete room" }).click();
  await leave(remove, "stale was deleted.");
});

for (const last of ["ab", ""]) {
  test(`what is typed while a search for a begins is the last word: “${last}”`, async () => {
    const page = await open(consoleUrl);
    const search = page.getByLabel("Search rooms");
    await search.evaluate((box, last) => {
      const type = (text) => {
        box.value = text;
        box.dispatchEvent(new Event("input", { bubbles: true }));
      };
      navigation.addEventListener("navigate", () => type(last), { once: true });
      type("a");
    }, last);
    const address = last ? `#/rooms?search=${last}` : "#/rooms";
    await becomes(() => page.evaluate("location.hash"), address);
    assert.equal(await search.inputValue(), last);
  });
}

test("rooms are searched for and leafed through", async () => {
  const names = Array.from({ length: 120 }, (_, i) => `many-${i}`);
  for (const name of names) await createRoom(client, { name, tags: { batch: "b7" } });
  const page = await open(consoleUrl);
  const search = page.getByLabel("Search rooms");
  await search.fill("MANY-11");
  await page.getByText("11 rooms with").waitFor(); // many-11, many-110 to many-119
  await search.fill("batch=b7");
  await page.getByText("1–50 of 120").waitFor();
  const answer = await holdRequests(page, "**/parley/SearchRooms");
  await page.getByRole("button", { name: "Next" }).dblclick(); // is one page further all the same
  answer();
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

test("a page whose rooms were deleted meanwhile leads to the first one", async () => {
  const arns = [];
  for (let i = 0; i < 51; i++) arns.push(await createRoom(client, { name: `gone-${i}` }));
  const page = await open(`${pageUrl("rooms")}?search=gone-`);
  await page.getByText("1–50 of 51").waitFor();
  for (const identifier of [arns[0], arns[50]]) {
    await client.send(new DeleteRoomCommand({ identifier }));
  }
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("heading", { name: "This page is empty now" }).waitFor();
  await checkAccessible(page);
  await page.getByRole("button", { name: "Go to the first page" }).click();
  await page.getByText("49 rooms with").waitFor();
  await page.getByRole("link", { name: "gone-49", exact: true }).waitFor();
});

test("how old a room is does not depend on the device's clock", async () => {
  await createRoom(client, { name: "fresh" });
  const page = await open();
  await page.clock.install({ time: Date.now() + 2 * 3600_000 });
  await page.goto(`${pageUrl("rooms")}?search=fresh`);
  const changed = page.getByRole("row").filter({ hasText: "fresh" }).locator(".fact-cell");
  await changed.getByText(/^(just now|\d+ seconds ago)$/).waitFor();
});

test("who signs out, and in again with the key of development mode, stays in", async () => {
  const page = await open(consoleUrl);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Use the key of development mode" }).click();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
});

test("Escape closes the menu on a phone, and gives the focus back", async () => {
  const page = await open(consoleUrl, { viewport: phone });
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  const menu = page.getByRole("button", { name: "Menu", exact: true });
  for (const tabs of [0, 2]) {
    await menu.press("Enter");
    await menu.and(page.locator('[aria-expanded="true"]')).waitFor();
    for (let i = 0; i < tabs; i++) await page.keyboard.press("Tab");
    await page.keyboard.press("Escape");
    await menu.and(page.locator('[aria-expanded="false"]:focus')).waitFor();
  }
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
