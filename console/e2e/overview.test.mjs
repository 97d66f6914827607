import assert from "node:assert/strict";
import { test } from "node:test";
import { createRoom, join, newClient, pageUrl, phone, startWire, useBrowser } from "./browser.mjs";
import { checkAccessible, checkFits } from "./check.mjs";

const { open, expectProblems } = useBrowser();
const client = newClient();
const overview = pageUrl("overview");

const tile = (page, label) =>
  page.locator(".tile").filter({ has: page.getByText(label, { exact: true }) }).locator(".tile-value");

/** The chart with a title; what it shows is in its name. */
const chart = (page, title) => page.getByRole("img", { name: new RegExp(`^${title},`) });

/** Waits until what a chart shows has a form. */
const shows = (page, title, form) =>
  page.getByRole("img", { name: new RegExp(`^${title}, [^:]*(:\\d\\d){0,2}: .*${form}`) }).waitFor();

/** Sends in a page, a few times a second, until the page is closed. */
const chatter = (page) =>
  page.evaluate(() => {
    let n = 0;
    setInterval(() => {
      const Content = n++ % 2 ? "hello" : "darn";
      window.ws.send(JSON.stringify({ Action: "SEND_MESSAGE", Content }));
      window.ws.send(JSON.stringify({ Action: "DISCONNECT_USER", UserId: "somebody" }));
    }, 300);
  });

test("charts and numbers move with what goes on", async () => {
  const room = await createRoom(client, {
    name: "busy",
    messageReviewHandler: { uri: "arn:aws:lambda:us-east-1:000000000000:function:moderate" },
  });
  const page = await open(overview);
  await page.getByText("live", { exact: true }).waitFor();
  await tile(page, "Connections").getByText("0", { exact: true }).waitFor();
  await shows(page, "Connections", "sessions 0");
  await page.getByText("No message was reviewed.").waitFor();
  await checkAccessible(page);

  const user = await open(pageUrl("rooms"));
  await join(user, client, room, "ana");
  await chatter(user);
  await page.bringToFront();
  await tile(page, "Connections").getByText("1", { exact: true }).waitFor();
  await tile(page, "Open rooms").getByText("1", { exact: true }).waitFor();
  await shows(page, "Connections", "sessions 1$");
  const some = "(0\\.[1-9]|[1-9])"; // a rate over 0
  await shows(page, "Messages in", `messages ${some}`);
  await shows(page, "Deliveries", `deliveries ${some}`);
  await shows(page, "Refusals", `access_denied ${some}`);
  await shows(page, "Review outcomes", `allowed ${some}.*, denied ${some}`);
  await tile(page, "API calls").getByText(/[1-9]/).waitFor();
  await checkAccessible(page);

  await user.close();
  await tile(page, "Connections").getByText("0", { exact: true }).waitFor();
  await shows(page, "Deliveries", "deliveries 0$");
});

test("a chart is read with the pointer and with the keyboard", async () => {
  const page = await open(overview);
  const connections = chart(page, "Connections");
  await shows(page, "Connections", "sessions");
  await connections.focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("img", { name: /^Connections, \d\d:\d\d:\d\d:/ }).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("img", { name: /^Connections, now:/ }).waitFor();
  const { width, height } = await connections.boundingBox();
  await connections.hover({ position: { x: width - 40, y: height / 2 } });
  // All charts tell of the same moment.
  await page.getByRole("img", { name: /^Deliveries, \d\d:\d\d:\d\d:/ }).waitFor();
  await checkAccessible(page);
});

/** Answers the readings that a page asks for with what answer returns, and counts them. */
async function answerReadings(page, answer) {
  const readings = { count: 0 };
  await page.route("**/parley/GetMetrics", (route) => route.fulfill(answer(++readings.count)));
  return readings;
}

/** Has timers of a page run when the test says so, and its readings answered by the test. */
async function openStill(answer) {
  const page = await open();
  await page.clock.install({ time: new Date("2026-03-01T10:00:00Z") });
  const readings = await answerReadings(page, answer);
  await page.goto(overview);
  await page.clock.runFor(1_000);
  return { page, readings };
}

/** Lets time pass until the next reading was answered. */
async function nextReading(page, milliseconds = 2_000) {
  const answered = page.waitForResponse(/GetMetrics/);
  await page.clock.runFor(milliseconds);
  await (await answered).finished();
}

const begin = Date.parse("2026-03-01T10:00:00Z");

/** Returns the answer of nodes at a reading, which come every two seconds. */
const answerOf = (n, nodes, missing) => ({
  json: { time: new Date(begin + n * 2_000).toISOString(), nodes, missing },
});

const nodeAt = (node, n, perSecond) => ({
  node,
  metrics: [
    { name: "parley_connections", value: 100 + n },
    { name: "parley_open_rooms", value: 3 },
    { name: "parley_requests_total", labels: { action: "SEND_MESSAGE" }, value: n * 2 * perSecond },
    { name: "parley_deliveries_total", labels: { action: "SEND_MESSAGE" }, value: n * 20 * perSecond },
    { name: "parley_log_lag_seconds", labels: { logging_configuration: "x" }, value: perSecond },
    { name: "process_resident_memory_bytes", value: 50_000_000 },
  ],
});

/** Two nodes of a cluster, of which one may stop to answer, and one that never does. */
class Cluster {
  bobAnswers = true;
  answer = (n) =>
    this.bobAnswers
      ? answerOf(n, [nodeAt("ada", n, 4), nodeAt("bob", n, 7)], ["cyd"])
      : answerOf(n, [nodeAt("ada", n, 4)], ["bob", "cyd"]);
}

test("nodes are shown together and each, also one that stops to answer", async () => {
  const cluster = new Cluster();
  const { page } = await openStill(cluster.answer);
  await nextReading(page);
  await shows(page, "Messages in", "messages 11$");
  await shows(page, "Log lag", "oldest record 7 s$");
  await page.getByRole("button", { name: "Each node" }).click();
  await shows(page, "Messages in", "ada 4, bob 7$");
  await page.getByRole("row", { name: /^bob \d+ 3 7 70 7 s/ }).waitFor();
  await page.getByRole("row", { name: "cyd does not answer" }).waitFor();
  await checkAccessible(page);
  cluster.bobAnswers = false;
  await nextReading(page);
  await page.getByRole("row", { name: "bob does not answer" }).waitFor();
  await shows(page, "Messages in", "ada 4, bob –$");
  await tile(page, "Open rooms").getByText("3", { exact: true }).waitFor();
  await page.getByRole("button", { name: "All nodes together" }).click();
  await shows(page, "Messages in", "messages 4$");
  await page.setViewportSize(phone);
  await checkFits(page);
  await checkAccessible(page);
});

test("nothing is asked while the page is hidden or paused", async () => {
  const { page, readings } = await openStill(new Cluster().answer);
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  /** Lets much time pass, in which nothing may be asked. */
  const wait = async () => {
    const before = readings.count;
    await page.clock.runFor(60_000);
    assert.equal(readings.count, before);
  };
  await nextReading(page);
  await hide(true);
  await wait();
  const shown = page.waitForResponse(/GetMetrics/);
  await hide(false);
  await shown;
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("paused", { exact: true }).waitFor();
  await wait();
  const resumed = page.waitForResponse(/GetMetrics/);
  await page.getByRole("button", { name: "Go on" }).click();
  await resumed;
  await page.getByText("live", { exact: true }).waitFor();
});

test("many readings leave memory flat", async () => {
  const { page } = await openStill(new Cluster().answer);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  const read = async (count) => {
    for (let i = 0; i < count; i++) await nextReading(page);
  };
  await read(460); // more than are kept
  const before = await heap();
  await read(400);
  const after = await heap();
  assert.ok(after < before * 1.2 + 1e6, `the heap grew from ${before} to ${after} bytes`);
  await shows(page, "Messages in", "messages 11$");
});

test("what was read is there again after a look at another page", async () => {
  const { page } = await openStill(new Cluster().answer);
  await nextReading(page);
  await shows(page, "Messages in", "messages 11$");
  await page.getByRole("link", { name: "Rooms", exact: true }).click();
  await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  await page.route("**/parley/GetMetrics", () => {}); // is never answered
  await page.getByRole("link", { name: "Overview" }).click();
  await shows(page, "Messages in", "messages 11$");
});

test("a server that is away leaves the last figures, and comes back", async () => {
  const wire = await startWire();
  const page = await open(wire.url(overview));
  await page.getByText("live", { exact: true }).waitFor();
  wire.cut();
  await page.getByText("The server cannot be reached").waitFor();
  await page.getByText("no figures", { exact: true }).waitFor();
  await page.getByText(/The figures are those of/).waitFor();
  await tile(page, "Open rooms").waitFor();
  await checkAccessible(page);
  wire.mend();
  // At that moment the page may have tried by itself, and then there is no button any more.
  await page.getByRole("button", { name: "Try now" }).evaluateAll(([button]) => button?.click());
  await page.getByText("live", { exact: true }).waitFor();
  expectProblems(/ERR_/);
});

test("figures that cannot be read are asked for again", async () => {
  const page = await open();
  const failure = { status: 500, headers: { "x-amzn-errortype": "InternalServerException" }, body: "{}" };
  let failing = true;
  await answerReadings(page, (n) => (failing ? failure : new Cluster().answer(n)));
  await page.goto(overview);
  await page.getByText("That did not work").waitFor();
  failing = false;
  await page.getByText("live", { exact: true }).waitFor();
  expectProblems(/status of 500/);
});

test("charts fit a smaller window before they are drawn anew", async () => {
  const page = await open();
  await page.addInitScript(() => {
    window.ResizeObserver = class {
      observe() {} // never tells of another size
      disconnect() {}
    };
  });
  await page.goto(overview);
  await shows(page, "Connections", "sessions");
  await page.setViewportSize(phone);
  await checkFits(page);
});

test("the overview fits on a phone", async () => {
  const page = await open(overview, { viewport: phone, isMobile: true, hasTouch: true });
  await page.getByText("live", { exact: true }).waitFor();
  await checkFits(page);
  await checkAccessible(page);
});
