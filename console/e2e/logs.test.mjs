import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateLoggingConfigurationCommand,
  DeleteLoggingConfigurationCommand,
  GetLoggingConfigurationCommand,
  ListLoggingConfigurationsCommand,
  SendEventCommand,
  UpdateLoggingConfigurationCommand,
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
import { checkAccessible, checkFits } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();

async function createLog(name, bucketName, tags = {}) {
  const destinationConfiguration = { s3: { bucketName } };
  const command = new CreateLoggingConfigurationCommand({ name, destinationConfiguration, tags });
  return (await client.send(command)).arn;
}

const get = (identifier) => client.send(new GetLoggingConfigurationCommand({ identifier }));

/** Makes a room that is logged, with an event in its log. */
async function logSomething(...logs) {
  const room = await createRoom(client, { name: "logged", loggingConfigurationIdentifiers: logs });
  await client.send(new SendEventCommand({ roomIdentifier: room, eventName: "something" }));
  return room;
}

const row = (page, name) => page.getByRole("row").filter({ hasText: name });

test("a newcomer makes a logging configuration", async () => {
  const page = await open(pageUrl("logs"));
  await page.getByRole("heading", { name: "No logging configurations yet" }).waitFor();
  await checkAccessible(page);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByLabel(/^Name/).fill("first");
  await page.getByLabel("Where the chat is logged").selectOption("CloudWatch Logs");
  await page.getByLabel("Log group").fill("/chat/first");
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Key of tag 1").fill("team");
  await page.getByLabel("Value of tag 1").fill("red");
  await checkAccessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "first", exact: true }).waitFor();
  await page.getByText("team = red").waitFor();
  await page.getByText("/chat/first").waitFor();
  await page.getByText("nothing logged yet", { exact: true }).waitFor();
  await checkAccessible(page);
  const { loggingConfigurations } = await client.send(new ListLoggingConfigurationsCommand({}));
  assert.deepEqual(
    loggingConfigurations.map((l) => [l.name, l.destinationConfiguration, l.tags]),
    [["first", { cloudWatchLogs: { logGroupName: "/chat/first" } }, { team: "red" }]],
  );
});

test("what is wrong with a form stands beside its fields", async () => {
  const page = await open(pageUrl("logs"));
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByLabel(/^Name/).fill("no spaces");
  await page.getByLabel("Bucket").fill("UPPER");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByText("Letters, digits, - and _ only.").waitFor();
  await page.getByText("Lower-case letters, digits, - and . only.").waitFor();
  await page.getByLabel(/^Name/).and(page.locator(":focus")).waitFor();
  await checkAccessible(page);
  for (const [kind, label, said] of [
    ["CloudWatch Logs", "Log group", "Letters, digits and . - _ / # only."],
    ["Data Firehose", "Delivery stream", "Letters, digits, _, . and - only."],
  ]) {
    await page.getByLabel("Where the chat is logged").selectOption(kind);
    await page.getByLabel(label).fill("no spaces");
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await page.getByText(said).waitFor();
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expectProblems(/status of 400/);
});

test("one is changed, tagged, and deleted after its name was typed", async () => {
  const arn = await createLog("nameless", "studio-logs", { old: "1", kept: "2" });
  const page = await open(pageUrl("logs", arn));
  await page.getByRole("heading", { name: "nameless" }).waitFor();
  // What others change meanwhile stays as they want it.
  await client.send(new UpdateLoggingConfigurationCommand({ identifier: arn, name: "studio" }));
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  assert.equal(await page.getByLabel("Bucket").inputValue(), "studio-logs");
  await page.getByLabel("Where the chat is logged").selectOption("Data Firehose");
  await page.getByLabel("Delivery stream").fill("studio-stream");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("studio-stream").waitFor();
  await page.getByRole("heading", { name: "studio", exact: true }).waitFor();

  await replaceSecondTag(page); // tags come in order: kept, old
  const log = await get(arn);
  assert.deepEqual(log.tags, { kept: "2", new: "" });
  assert.deepEqual(log.destinationConfiguration, {
    firehose: { deliveryStreamName: "studio-stream" },
  });

  await page.getByRole("button", { name: "Delete" }).click();
  const confirm = page.getByRole("dialog").getByRole("button", { name: "Delete" });
  await confirm.and(page.locator(":disabled")).waitFor();
  await page.getByLabel("Type studio to confirm").fill("studio");
  await checkAccessible(page);
  await confirm.click();
  await page.getByText("studio was deleted.").waitFor();
  await page.getByRole("heading", { name: "Chat logs" }).waitFor();
  await assert.rejects(get(arn));
  await page.goto(pageUrl("logs", arn));
  await page.getByText("There is no such logging configuration").waitFor();
  expectProblems(/status of 404/);
});

test("one that a room names is not deleted", async () => {
  const arn = await createLog("in-use", "in-use-logs");
  await createRoom(client, { loggingConfigurationIdentifiers: [arn] });
  const page = await open(pageUrl("logs", arn));
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Type in-use to confirm").fill("in-use");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("It is in use").waitFor();
  await checkAccessible(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  assert.equal((await get(arn)).name, "in-use");
  expectProblems(/status of 409/);
});

test("deliveries and their last error are shown", async () => {
  const good = await createLog("archive", "archive-logs");
  const broken = await createLog("warehouse", "broken-logs");
  const room = await logSomething(good, broken);

  const list = await open(pageUrl("logs"));
  await row(list, "archive").getByText("delivering").waitFor();
  await row(list, "warehouse").getByText("failing").waitFor();
  await row(list, "warehouse").getByText(/^not a directory/).waitFor();
  await checkAccessible(list);

  const page = await open(pageUrl("logs", good));
  await page.getByText("delivering", { exact: true }).waitFor();
  await page.getByText("1 record since the server started").waitFor();
  await checkAccessible(page);

  await page.goto(pageUrl("logs", broken));
  await page.getByText(/^Failing since/).waitFor();
  await page.getByText(/not a directory/).first().waitFor();
  await page.getByText(/, the oldest for/).waitFor();
  await checkAccessible(page);

  // The room says it as well, and leads there.
  await page.goto(pageUrl("rooms", room));
  await page.getByText("failing", { exact: true }).waitFor();
  await page.getByRole("link", { name: "archive" }).click();
  await page.getByRole("heading", { name: "archive", exact: true }).waitFor();

  // Mended, it delivers what waited.
  await page.goto(pageUrl("logs", broken));
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Bucket").fill("mended-logs");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("delivering", { exact: true }).waitFor();
  await page.getByText("1 record since the server started").waitFor();
  await page.getByText(/not a directory/).waitFor({ state: "detached" });
});

test("many are leafed through", async () => {
  const arns = [];
  for (let i = 0; i < 60; i++) arns.push(await createLog(`many-${i}`, `many-${i}`));
  const page = await open(pageUrl("logs"));
  await page.getByText("1–50", { exact: true }).waitFor();
  const answer = await holdRequests(page, "**/ListLoggingConfigurations");
  await page.getByRole("button", { name: "Next" }).dblclick(); // is one page further all the same
  answer();
  await row(page, "many-0").first().waitFor();
  await page.getByText(/^51–/).waitFor();
  await page.getByRole("button", { name: "Next", disabled: true }).waitFor();
  await page.getByRole("button", { name: "Previous" }).click();
  await page.getByText("1–50", { exact: true }).waitFor();
  await row(page, "many-59").waitFor();

  // A room can be logged to any of them.
  await page.goto(consoleUrl);
  await page.getByRole("button", { name: "Create room" }).first().click();
  await page.getByRole("dialog").getByLabel("many-0", { exact: true }).waitFor();
  for (const identifier of arns) {
    await client.send(new DeleteLoggingConfigurationCommand({ identifier }));
  }
});

test("the keyboard alone is enough to make one", async () => {
  const page = await open(pageUrl("logs"));
  await page.getByRole("heading", { name: "Chat logs" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // skips to the content
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("keyboard-logs");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "by-keyboard" }).waitFor();
});

test("pages fit on a phone", async () => {
  const arn = await createLog("a-rather-long-name-of-a-configuration-on-a-small-screen", "b".repeat(63), {
    "a-long-key-of-a-tag-that-goes-on": "and-a-value-that-goes-on-and-on-and-on",
  });
  const broken = await createLog("warehouse-2", "broken-for-a-rather-long-time");
  await logSomething(broken);
  const page = await open(pageUrl("logs"), { viewport: phone, isMobile: true, hasTouch: true });
  await row(page, "warehouse-2").getByText("failing").waitFor();
  await checkFits(page);
  await checkAccessible(page);
  for (const log of [arn, broken]) {
    await page.goto(pageUrl("logs", log));
    await page.getByText(log === arn ? "nothing logged yet" : /^Failing since/).first().waitFor();
    await checkFits(page);
    await checkAccessible(page);
  }
});
