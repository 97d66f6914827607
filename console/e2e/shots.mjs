// Takes pictures of pages, light and dark, on a desktop and on a phone:
//
//   PARLEY_URL=http://127.0.0.1:8080 node e2e/shots.mjs FOLDER NAME=#/ADDRESS…
//
// The server has to be in development mode.
import { mkdir } from "node:fs/promises";
import { consoleUrl, desktop, launch, phone } from "./browser.mjs";

const [folder, ...pages] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await launch();
for (const [size, viewport] of Object.entries({ desktop, phone })) {
  for (const colorScheme of ["light", "dark"]) {
    const options = { viewport, colorScheme, hasTouch: size === "phone", isMobile: size === "phone" };
    const page = await browser.newPage(options);
    page.on("console", (m) => console.error(m.text()));
    for (const entry of pages) {
      const at = entry.indexOf("=");
      await page.goto(consoleUrl + entry.slice(at + 1));
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(600);
      const path = `${folder}/${entry.slice(0, at)}-${size}-${colorScheme}.png`;
      await page.screenshot({ path });
      console.log(path);
    }
    await page.close();
  }
}
await browser.close();
