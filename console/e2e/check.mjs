// Checks that several tests make of a page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

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

/**
 * How long what a test waits for may take, in milliseconds. It is no promise: a machine that
 * is busy with other tests has time enough, and only a failure takes so long.
 */
export const patience = 60_000;

/**
 * Reads a value until it is the one that is wanted, or fails with the last one. For what no
 * locator waits for, such as a count.
 */
export async function becomes(read, wanted) {
  const until = Date.now() + patience;
  let value = await read();
  while (!isDeepStrictEqual(value, wanted) && Date.now() < until) {
    await setTimeout(20);
    value = await read();
  }
  assert.deepEqual(value, wanted);
}

/** Nothing sticks out of a narrow window, once the page has the size of that. */
export async function checkFits(page) {
  await page.bringToFront();
  const body = await page.locator("body").elementHandle();
  await body.waitForElementState("stable"); // for two frames of the screen
  const { over, by } = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("body *")].filter(
      (e) => e.getBoundingClientRect().right > width,
    );
    return {
      over: document.documentElement.scrollWidth - width,
      by: wide.map((e) => `${e.tagName}.${e.getAttribute("class")}`).join(" "),
    };
  });
  assert.equal(over, 0, `the page is ${over} pixels wider than the window: ${by}`);
}
