// Checks that several tests make of a page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Looks for what keeps people out: axe finds nothing serious, in light and in dark. */
export async function checkAccessible(page) {
  await page.bringToFront();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const problems = await findProblems(page);
    assert.deepEqual(problems, [], `axe in ${colorScheme} at ${page.url()}`);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

// The policy of the page allows no other scripts; the debugger's are not the page's.
async function findProblems(page) {
  const session = await page.context().newCDPSession(page);
  const contexts = []; // of the page and of its frames, in which axe is too
  session.on("Runtime.executionContextCreated", ({ context }) => {
    if (context.auxData.isDefault) contexts.push(context.id);
  });
  await session.send("Runtime.enable");
  for (const contextId of contexts) {
    await session.send("Runtime.evaluate", { expression: axe, contextId });
  }
  const { result } = await session.send("Runtime.evaluate", {
    awaitPromise: true,
    returnByValue: true,
    expression: `axe.run({ resultTypes: ["violations"] }).then((r) => r.violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => v.id + ": " + v.nodes.map((n) => n.html).join(" | ")))`,
  });
  await session.detach();
  return result.value;
}

/** How long a page may take to fit a window that has another size, in milliseconds. */
const fitTime = 2_000;

/** Nothing sticks out of a narrow window. */
export async function checkFits(page) {
  const until = Date.now() + fitTime;
  let found;
  do {
    found = await page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const wide = [...document.querySelectorAll("body *")].filter(
        (e) => e.getBoundingClientRect().right > width,
      );
      return {
        over: document.documentElement.scrollWidth - width,
        by: wide.map((e) => `${e.tagName}.${e.getAttribute("class")}`).join(" "),
      };
    });
  } while (found.over !== 0 && Date.now() < until);
  assert.equal(found.over, 0, `the page is ${found.over} pixels wider than the window: ${found.by}`);
}
