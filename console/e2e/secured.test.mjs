// Pages of a server whose access keys are secrets; the Go test says which users it has.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ListRoomsCommand } from "@aws-sdk/client-ivschat";
import { consoleUrl, newClient, pageUrl, useBrowser } from "./browser.mjs";
import { becomes, checkAccessible } from "./check.mjs";

const { open, expectProblems } = useBrowser();

async function signIn(page, id) {
  await page.getByLabel("Access key ID").fill(id);
  await page.getByLabel("Secret access key").fill(id);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("the demo asks who one is, says what it does, and then does it", async () => {
  const admin = newClient("ADMIN", "ADMIN");
  const rooms = async () => (await admin.send(new ListRoomsCommand({}))).rooms;
  const page = await open(`${consoleUrl}demo/`);
  await signIn(page, "ADMIN");
  await page.getByRole("heading", { name: "How the demo works" }).waitFor();
  assert.deepEqual(await rooms(), []);
  await checkAccessible(page);
  await page.getByRole("button", { name: "Begin" }).click();
  const ana = page.frameLocator('iframe[title="What Ana sees"]');
  await ana.getByText("Welcome to the chat").waitFor();
  await ana.getByRole("button", { name: "Hello!" }).click();
  await page.frameLocator('iframe[title="What Ben sees"]').locator(".line.by-ana").waitFor();
  assert.deepEqual((await rooms()).map((room) => room.name), ["demo"]);
});

test("without the permissions, the demo says which is missing", async () => {
  const page = await open(`${consoleUrl}demo/`);
  await signIn(page, "NOBODY");
  await page.getByRole("button", { name: "Go on with what this key may do" }).click();
  await page.getByRole("button", { name: "Begin" }).click();
  await page.getByText(/not authorized to perform: ivschat:ListRooms/).waitFor();
  expectProblems(/status of 403/);
});

test("no snippet has the key", async () => {
  const page = await open(consoleUrl);
  await signIn(page, "ADMIN");
  for (const [name, count] of [["token", 1], ["integrate", 5]]) {
    await page.goto(pageUrl(name));
    const parts = page.locator(".snippets");
    await becomes(() => parts.count(), count);
    for (const part of await parts.all()) {
      for (const tab of await part.locator(".segments button").all()) {
        await tab.click();
        await tab.and(page.locator('[aria-pressed="true"]')).waitFor();
        assert.doesNotMatch(await part.locator("pre").textContent(), /ADMIN/);
      }
    }
  }
});
