import assert from "node:assert/strict";
import { test } from "node:test";
import { consoleUrl, useBrowser } from "./browser.mjs";
import { checkAccessible } from "./check.mjs";

const { open, expectProblems } = useBrowser();

async function signIn(page, id, secret) {
  await page.getByLabel("Access key ID").fill(id);
  await page.getByLabel("Secret access key").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

const stored = (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));

test("a key signs in, stays in memory, and is gone after a reload", async () => {
  const page = await open(consoleUrl);
  await page.getByLabel("Access key ID").waitFor();
  await checkAccessible(page);
  await signIn(page, "ADMIN", "ADMIN");
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  assert.doesNotMatch(await stored(page), /ADMIN/);
  await page.reload();
  await page.getByLabel("Access key ID").waitFor();
});

test("on request the key stays in the tab, until it signs out", async () => {
  const page = await open(consoleUrl);
  await page.getByLabel(/Stay signed in/).check();
  await signIn(page, "ADMIN", "ADMIN");
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  const another = await open(consoleUrl); // another tab of the same browser
  await another.getByLabel("Access key ID").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Access key ID").waitFor();
  assert.doesNotMatch(await stored(page), /ADMIN/);
});

test("errors say what to do", async () => {
  const page = await open(consoleUrl);
  await signIn(page, "STRANGER", "x");
  await page.getByText("The server does not know this access key").waitFor();
  await signIn(page, "ADMIN", "wrong");
  await page.getByText("The secret does not fit the access key").waitFor();
  await signIn(page, "NOBODY", "NOBODY");
  await page.getByText("You may not do this").waitFor();
  await page.getByText(/not authorized to perform: ivschat:ListRooms/).waitFor();
  await checkAccessible(page);
  await page.getByRole("button", { name: "Go on with what this key may do" }).click();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  await page.getByText(/not authorized to perform: ivschat:ListRooms/).waitFor();
  expectProblems(/status of 403/);
});

const minute = 60_000;

test("a wrong clock does not keep anybody out", async () => {
  const page = await open();
  await page.clock.install({ time: Date.now() + 60 * minute });
  await page.goto(consoleUrl);
  await signIn(page, "ADMIN", "wrong");
  await page.getByText("The secret does not fit the access key").waitFor();
  await signIn(page, "ADMIN", "ADMIN");
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  expectProblems(/status of 403/);
});

for (const [off, said] of [[20, "20 minutes ahead of"], [-20, "20 minutes behind"]]) {
  test(`a clock that is ${said} the server's is told where nothing mends it`, async () => {
    const page = await open();
    await page.clock.install({ time: Date.now() + off * minute });
    await page.route("**/*", answerWithoutDate); // from which the console learns the time
    await page.goto(consoleUrl);
    await signIn(page, "ADMIN", "ADMIN");
    await page.getByText("The clock of this device is wrong").waitFor();
    await page.getByText(`It is ${said} the server's.`).waitFor();
    await checkAccessible(page);
    await page.clock.setSystemTime(Date.now());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
    expectProblems(/status of 403/);
  });
}

/** Answers a request as a proxy does that takes the date out of the server's answer. */
async function answerWithoutDate(route) {
  const response = await route.fetch();
  const { date, ...headers } = response.headers();
  assert.ok(date);
  await route.fulfill({ response, headers });
}

test("a server that is away is called that", async () => {
  const page = await open(consoleUrl);
  await page.getByLabel("Access key ID").waitFor();
  await page.context().setOffline(true);
  await signIn(page, "ADMIN", "ADMIN");
  await page.getByText("The server cannot be reached").waitFor();
  expectProblems(/ERR_INTERNET_DISCONNECTED/);
});

test("who may not see the server's figures is told what it takes", async () => {
  const page = await open(consoleUrl);
  await signIn(page, "ADMIN", "ADMIN");
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("heading", { name: "You may not see the figures of the server" }).waitFor();
  await page.getByText("parley:GetMetrics", { exact: true }).waitFor();
  await checkAccessible(page);
  await page.getByRole("link", { name: "Go to the rooms" }).click();
  await page.getByRole("heading", { name: "No rooms yet" }).waitFor();
  expectProblems(/status of 403/);
});
