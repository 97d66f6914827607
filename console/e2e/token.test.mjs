import assert from "node:assert/strict";
import { test } from "node:test";
import { DisconnectUserCommand } from "@aws-sdk/client-ivschat";
import {
  consoleUrl,
  createRoom,
  holdRequests,
  newClient,
  pageUrl,
  phone,
  useBrowser,
} from "./browser.mjs";
import { becomes, checkAccessible, checkFits } from "./check.mjs";
import { codeIn, findPython, hasCommand, runProgram, runShell } from "./snippets.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();

const workbench = (room) => `${pageUrl("token")}?room=${encodeURIComponent(room)}`;
const clock = (page, name) => page.getByRole("group", { name }).locator(".clock-value");
const tokenPanel = (page) => page.getByRole("region", { name: "The token" });

async function mint(page) {
  await page.getByRole("button", { name: "Mint a token" }).click();
  await tokenPanel(page).getByText("not used").waitFor();
}

test("without a room, the workbench leads to one", async () => {
  const page = await open(pageUrl("token"));
  await page.getByText("There are no rooms yet.").waitFor();
  await checkAccessible(page);
  await page.getByRole("link", { name: "Make one first." }).click();
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
});

test("a token is minted, connects once, and is spent", async () => {
  const room = await createRoom(client, { name: "workbench" });
  const page = await open(consoleUrl);
  await page.getByRole("link", { name: "Token workbench" }).click();
  await page.getByText(room, { exact: true }).waitFor(); // the only room is chosen
  await page.getByLabel("User id").fill("carla");
  await checkAccessible(page);
  await mint(page);
  await clock(page, "Time to connect").getByText(/^(1:00|0:[2-5]\d)$/).waitFor();
  await clock(page, "Session").getByText(/^(1:00:00|59:[2-5]\d)$/).waitFor();
  await checkAccessible(page);

  await page.getByRole("button", { name: "Connect with it" }).click();
  await tokenPanel(page).getByText("connected", { exact: true }).waitFor();
  await clock(page, "Time to connect").getByText("used", { exact: true }).waitFor();
  await page.getByLabel("Message", { exact: true }).fill("from the workbench");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.locator(".frame.in", { hasText: "from the workbench" }).waitFor();
  await page.locator(".frame.in", { hasText: '"UserId":"carla"' }).waitFor();
  await checkAccessible(page);

  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  await page.getByText("The connection was closed.").waitFor();
  await page.getByRole("button", { name: "Connect with it again" }).click();
  await page.getByText("A token opens one connection").waitFor();
  await checkAccessible(page);
  expectProblems(/WebSocket connection to .* failed/);
});

test("both clocks run down", async () => {
  const room = await createRoom(client, { name: "clocks" });
  const page = await open();
  await page.clock.install();
  await page.goto(workbench(room));
  await page.getByLabel("Session, in minutes").fill("5");
  await mint(page);
  await page.clock.fastForward(40_000);
  await clock(page, "Time to connect").getByText(/^0:([01]\d|20)$/).waitFor();
  await clock(page, "Session").getByText(/^4:([01]\d|20)$/).waitFor();
  await page.clock.fastForward(30_000);
  await clock(page, "Time to connect").getByText("expired").waitFor();
  await page.getByText("Mint another one.").waitFor();
  await page.clock.fastForward(300_000);
  await clock(page, "Session").getByText("over").waitFor();
  await checkAccessible(page);
});

test("the end of a session is told", async () => {
  const room = await createRoom(client, { name: "kicked" });
  const page = await open(workbench(room));
  await mint(page);
  await page.getByRole("button", { name: "Connect with it" }).click();
  await tokenPanel(page).getByText("connected", { exact: true }).waitFor();
  await client.send(new DisconnectUserCommand({ roomIdentifier: room, userId: "ann" }));
  await page.getByText("The connection has ended").waitFor();
  await page.getByRole("button", { name: "Send", exact: true, disabled: true }).waitFor();
});

test("what is wrong stands beside its field", async () => {
  const room = await createRoom(client, { name: "mistakes" });
  const page = await open(workbench(room));
  await page.getByLabel("User id").fill("");
  await page.getByLabel("Session, in minutes").fill("181");
  await page.getByRole("button", { name: "Mint a token" }).click();
  await page.getByText("At most 180.").waitFor();
  await page.getByText("At least 1 characters.").waitFor();
  await page.getByLabel("User id").and(page.locator('[aria-invalid="true"]')).waitFor();
  await checkAccessible(page);
  expectProblems(/status of 400/);
});

test("a room is found by the keyboard, and by its ARN", async () => {
  const arns = {};
  for (const name of ["find-a", "find-b", "find-c"]) {
    arns[name] = await createRoom(client, { name });
  }
  const page = await open(workbench(arns["find-a"]));
  const room = page.getByRole("combobox", { name: "Room" });
  await room.fill("find-");
  const options = page.getByRole("listbox", { name: "Rooms" }).getByRole("option");
  await becomes(() => options.count(), 3);
  await options.filter({ hasText: "find-c" }).waitFor();
  await checkAccessible(page);
  const second = await options.nth(1).locator(".truncate").textContent();
  await room.press("ArrowDown");
  await room.press("Enter");
  await page.getByText(arns[second], { exact: true }).waitFor();
  await becomes(() => room.inputValue(), second);
  await room.fill(arns["find-c"]);
  await room.press("Enter");
  await page.getByText(arns["find-c"], { exact: true }).waitFor();
  await room.fill("no such room");
  await page.getByText("No such room.").waitFor();
  await room.press("Escape");
  await becomes(() => room.inputValue(), "find-c");
});

test("a name that comes late does not spoil what is typed", async () => {
  const room = await createRoom(client, { name: "late" });
  const page = await open();
  const answer = await holdRequests(page, "**/parley/SearchRooms");
  await page.goto(workbench(room));
  const field = page.getByRole("combobox", { name: "Room" });
  await field.selectText();
  answer();
  await page.getByText(room, { exact: true }).waitFor(); // stands below the field with the name
  assert.equal(await field.inputValue(), room);
  await page.keyboard.type("late");
  await becomes(() => field.inputValue(), "late");
  await page.getByRole("option", { name: /^late / }).waitFor();
});

/** Connects with a token, says something, and returns the sender of what comes back. */
const senderOf = (page, token) =>
  page.evaluate(
    (token) =>
      new Promise((resolve, reject) => {
        const ws = new WebSocket(location.origin.replace("http", "ws") + "/", token);
        ws.onopen = () => ws.send(JSON.stringify({ Action: "SEND_MESSAGE", Content: "I" }));
        ws.onclose = () => reject(new Error("the connection was closed"));
        ws.onmessage = ({ data }) => {
          ws.onclose = null;
          ws.close();
          resolve(JSON.parse(data).Sender);
        };
      }),
    token,
  );

const languages = [
  { tab: "AWS CLI", missing: async () => !(await hasCommand("aws")) && "the AWS CLI" },
  { tab: "parley", missing: async () => !(await hasCommand("parley")) && "PARLEY_COMMAND" },
  { tab: "JavaScript", file: "chat-token.mjs" },
  { tab: "Python", file: "chat_token.py", missing: async () => !(await findPython()) && "boto3" },
  { tab: "Go", file: "main.go", missing: async () => !(await hasCommand("go")) && "Go" },
];

for (const { tab, file, missing } of languages) {
  test(`the call in ${tab} makes the token that the form says`, async (t) => {
    const absent = await missing?.();
    if (absent) {
      assert.ok(!process.env.CI, `${absent} is missing`);
      return t.skip(`${absent} is missing`);
    }
    const name = `O'Neil "the $HOME" \\n é, 世界`;
    const room = await createRoom(client, { name: "in-code" });
    const page = await open(workbench(room));
    await page.getByLabel("User id").fill("-o'neil");
    await page.getByLabel("Value of attribute 1").fill(name);
    await page.getByRole("button", { name: "Add attribute" }).click();
    await page.getByLabel("Key of attribute 2").fill("a key");
    await page.getByLabel("Delete messages").check();
    await page.getByLabel("Session, in minutes").fill("7");
    await page.getByRole("button", { name: tab, exact: true }).click();
    await checkAccessible(page);
    const code = await codeIn(page.locator(".snippets"));
    const out = file ? await runProgram(t, file, code) : await runShell(code);
    const token = file ? out.trim() : JSON.parse(out).token;
    assert.deepEqual(await senderOf(page, token), {
      UserId: "-o'neil",
      Attributes: { displayName: name, "a key": "" },
    });
  });
}

test("the workbench fits on a phone", async () => {
  const room = await createRoom(client, { name: "on-a-phone" });
  const page = await open(workbench(room), { viewport: phone, isMobile: true, hasTouch: true });
  await mint(page);
  await checkFits(page);
  await checkAccessible(page);
});
