import { test } from "node:test";
import { consoleUrl, server, useBrowser } from "./browser.mjs";

const { open } = useBrowser();

test("below a prefix of a proxy, a room is made, searched for and chatted in", async () => {
  const page = await open(consoleUrl.replace(/\/$/, "")); // the slash is added
  await page.getByRole("button", { name: "Create room" }).first().click();
  await page.getByLabel(/^Name/).fill("proxied");
  await page.getByRole("dialog").getByRole("button", { name: "Create room" }).click();
  await page.getByRole("heading", { name: "proxied" }).waitFor();
  await page.getByRole("link", { name: "Live" }).click();
  await page.getByText(/connected ·/).waitFor();
  await page.getByLabel("Message from console").fill("through the proxy");
  await page.keyboard.press("Enter");
  await page.locator(".message", { hasText: "through the proxy" }).waitFor();
  await page.goto(`${server}/console/#/rooms?search=proxied`);
  await page.getByText("1 room with").waitFor();
});

test("below a prefix, the demo chats, and the code says what the proxy breaks", async () => {
  const page = await open(`${server}/console/demo`); // the slash is added
  const ben = page.frameLocator('iframe[title="What Ben sees"]');
  await ben.getByText("Welcome to the chat").waitFor();
  await ben.getByRole("button", { name: "Hello!" }).click();
  await page.frameLocator('iframe[title="What Ana sees"]').locator(".line.by-ben").waitFor();
  await page.goto(`${server}/console/#/integrate`);
  await page.getByText("A proxy serves this console below /tools/chat").waitFor();
});
