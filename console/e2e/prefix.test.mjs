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
