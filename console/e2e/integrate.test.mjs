import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DisconnectUserCommand, ListRoomsCommand } from "@aws-sdk/client-ivschat";
import { build } from "vite";
import { createRoom, newClient, pageUrl, phone, server, useBrowser } from "./browser.mjs";
import { checkAccessible, checkFits } from "./check.mjs";
import { cleanEnv, codeIn, hasCommand, newFolder, runShell } from "./snippets.mjs";

const { open } = useBrowser();
const client = newClient();

async function openPage(room, options) {
  const page = await open(`${pageUrl("integrate")}?room=${encodeURIComponent(room)}`, options);
  await page.getByText(room, { exact: true }).waitFor();
  return page;
}

const step = (page, title) =>
  page.locator(".integrate-step", { has: page.getByRole("heading", { name: title }) });

/** Shows a snippet of a step, and returns its text. */
async function snippet(page, title, label) {
  const button = (options) => step(page, title).getByRole("button", { ...options, exact: true });
  await button({ name: label }).click();
  await button({ name: label, pressed: true }).waitFor();
  return codeIn(step(page, title));
}

/** Skips a test without a program that it needs; in CI, there must be one. */
async function needs(t, command) {
  if (await hasCommand(command)) return true;
  assert.ok(!process.env.CI, `${command} is missing`);
  t.skip(`${command} is missing`);
  return false;
}

test("the page says where the server is, and copies what it says", async () => {
  const room = await createRoom(client, { name: "integrate" });
  const page = await openPage(room);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByText(server, { exact: true }).waitFor();
  await page.getByText(`${server.replace("http", "ws")}/`, { exact: true }).waitFor();
  await checkAccessible(page);
  const code = await snippet(page, "Make tokens in your backend", "Python");
  assert.ok(code.includes(room) && code.includes(`endpoint_url="${server}"`), code);
  const part = step(page, "Make tokens in your backend");
  await part.getByRole("button", { name: "Copy chat_token.py snippet" }).click();
  await part.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
});

test("a language is chosen once", async () => {
  const room = await createRoom(client, { name: "chosen" });
  const page = await openPage(room);
  await snippet(page, "Make rooms", "parley");
  await snippet(page, "A page to begin with", "Backend");
  const chosen = { name: "parley", exact: true, pressed: true };
  await step(page, "Make tokens in your backend").getByRole("button", chosen).waitFor();
  await page.getByRole("link", { name: "token workbench", exact: true }).click();
  await page.getByRole("heading", { name: "Token workbench" }).waitFor();
  await page.locator(".snippets").getByRole("button", chosen).waitFor();
  await page.getByText(room, { exact: true }).waitFor(); // the room stays chosen
});

for (const command of ["parley", "aws ivschat"]) {
  test(`${command} takes the settings`, async (t) => {
    if (!(await needs(t, command.split(" ")[0]))) return;
    if (command !== "parley" && !(await takesEndpoints())) return t.skip("it is too old");
    const page = await openPage(await createRoom(client, { name: "settings" }));
    const environment = await snippet(page, "Tell your tools", "Environment");
    const list = `${command} list-rooms --name settings --query 'rooms[0].name' --output text`;
    assert.equal(await runShell(environment + list), "settings\n");
    const file = join(await newFolder(t), "config");
    await writeFile(file, await snippet(page, "Tell your tools", "Profile"));
    const profile = { AWS_CONFIG_FILE: file, AWS_PROFILE: "parley" };
    assert.equal(await runShell(list, profile), "settings\n");
  });
}

/** Whether the AWS CLI is one that settings can tell an endpoint: since 1.29 and 2.13. */
async function takesEndpoints() {
  const [, major, minor] = /aws-cli\/(\d+)\.(\d+)/.exec(await runShell("aws --version 2>&1"));
  return Number(minor) >= { 1: 29, 2: 13 }[major];
}

for (const [label, command] of [["AWS CLI", "aws"], ["parley", "parley"]]) {
  test(`the command of ${label} makes a room`, async (t) => {
    if (!(await needs(t, command))) return;
    const page = await openPage(await createRoom(client, { name: "commands" }));
    const { arn } = JSON.parse(await runShell(await snippet(page, "Make rooms", label)));
    const { rooms } = await client.send(new ListRoomsCommand({ name: "lobby" }));
    assert.ok(rooms.some((room) => room.arn === arn), JSON.stringify(rooms));
  });
}

test("the configuration for Terraform is formatted as Terraform does", async (t) => {
  const page = await openPage(await createRoom(client, { name: "terraform" }));
  const code = await snippet(page, "Make rooms", "Terraform");
  assert.ok(code.includes(`ivschat = "${server}"`), code);
  if (!(await hasCommand("terraform"))) return t.diagnostic("terraform is missing");
  const file = join(await newFolder(t), "main.tf");
  await writeFile(file, code);
  await runShell(`terraform fmt -check -diff '${file}'`);
});

/** Downloads the files of the template, and starts the backend in them. */
async function startTemplate(t, room) {
  const page = await openPage(room);
  const dir = await newFolder(t);
  for (const name of ["chat.html", "server.mjs"]) {
    const download = page.waitForEvent("download");
    await step(page, "A page to begin with").getByRole("button", { name, exact: true }).click();
    await (await download).saveAs(join(dir, name));
  }
  const env = { ...cleanEnv, PORT: "0" };
  const stdio = ["ignore", "pipe", "inherit"];
  const backend = spawn("node", ["server.mjs"], { cwd: dir, env, stdio });
  t.after(() => backend.kill());
  const [line] = await new Promise((resolve, reject) => {
    backend.stdout.once("data", (data) => resolve(String(data).split("\n")));
    backend.once("exit", (code) => reject(new Error(`the backend ended with ${code}`)));
  });
  return { page, dir, url: line.replace("localhost", "127.0.0.1").replace(/\?.*/, "") };
}

test("the page to begin with chats, with its backend", async (t) => {
  const room = await createRoom(client, { name: "template" });
  const { url } = await startTemplate(t, room);
  const join = async (name) => {
    const page = await open(`${url}?name=${name}`);
    await page.locator("#status").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
    return page;
  };
  const ann = await join("Ann");
  const ben = await join("Ben");
  await checkAccessible(ann);
  await ann.getByLabel("Message").fill("hello <b>Ben</b>");
  await ann.keyboard.press("Enter");
  await ben.getByText("Ann hello <b>Ben</b>").waitFor();
  await ben.getByLabel("Message").fill("hello Ann");
  await ben.keyboard.press("Enter");
  await ann.getByText("Ben hello Ann").waitFor();
  await client.send(new DisconnectUserCommand({ roomIdentifier: room, userId: "Ben" }));
  await ben.getByText("You were disconnected.").waitFor();
});

test("the code for viewers chats", async (t) => {
  const room = await createRoom(client, { name: "viewers" });
  const { page, dir, url } = await startTemplate(t, room);
  for (const label of ["Messaging SDK", "WebSocket"]) {
    const file = join(dir, "chat.js");
    await writeFile(file, await snippet(page, "Connect your viewers", label));
    const built = await build({
      root: dir,
      configFile: false,
      logLevel: "error",
      build: { write: false, target: "es2022", rolldownOptions: { input: file } },
    });
    const viewer = await open(`${url}?name=Watcher`);
    const printed = viewer.waitForEvent("console", (m) => m.text() === "guest: Hello!");
    await viewer.addScriptTag({ type: "module", content: built.output[0].code });
    await printed;
  }
});

test("what is downloaded is what is shown", async (t) => {
  const { page, dir } = await startTemplate(t, await createRoom(client, { name: "files" }));
  for (const [label, name] of [["Page", "chat.html"], ["Backend", "server.mjs"]]) {
    const shown = await snippet(page, "A page to begin with", label);
    assert.equal(await readFile(join(dir, name), "utf8"), shown);
    assert.doesNotMatch(shown, /CHAT_ENDPOINT|ROOM;|CLIENT\n/);
  }
});

test("the page fits on a phone", async () => {
  const room = await createRoom(client, { name: "small" });
  const page = await openPage(room, { viewport: phone, isMobile: true, hasTouch: true });
  await checkFits(page);
  await checkAccessible(page);
});
