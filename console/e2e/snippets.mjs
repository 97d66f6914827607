// Runs what the pages have to copy, as somebody would who copies it.
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

/** How long a program may take, in milliseconds: Go compiles an SDK first. */
const timeout = 180_000;

/** The environment without what AWS tools take settings from. */
export const cleanEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_"))),
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};
// parley is the program that the Go test has built.
if (process.env.PARLEY_COMMAND) {
  cleanEnv.PATH = dirname(process.env.PARLEY_COMMAND) + delimiter + cleanEnv.PATH;
}

/** Makes a folder for files of a test, in which JavaScript finds the console's packages. */
export async function newFolder(t) {
  const dir = await mkdtemp(join(tmpdir(), "parley-snippet-"));
  t.after(() => rm(dir, { recursive: true }));
  await symlink(folder("../node_modules"), join(dir, "node_modules"));
  return dir;
}

/** The text of the snippet that is shown in a part of a page. */
export const codeIn = async (part) => (await part.locator(".code pre").textContent()) + "\n";

/** Runs a text in the shell, and returns what it prints. */
export async function runShell(code, env = {}) {
  const options = { env: { ...cleanEnv, ...env }, timeout };
  return (await run("/bin/sh", ["-ec", code], options)).stdout;
}

const programs = {
  "chat-token.mjs": (file) => run("node", [file], { env: cleanEnv, timeout }),
  "chat_token.py": async (file) => run(await findPython(), [file], { env: cleanEnv, timeout }),
  "main.go": async (file) => {
    const { stdout } = await run("gofmt", ["-l", file]);
    if (stdout) throw new Error("gofmt would format the snippet in another way");
    // The module of the tests with official clients has the SDK.
    const cwd = folder("../../test/conformance");
    return run("go", ["run", file], { cwd, env: cleanEnv, timeout });
  },
};

/** Runs a program whose file has one of the names that snippets have. */
export async function runProgram(t, name, code) {
  const file = join(await newFolder(t), name);
  await writeFile(file, code);
  return (await programs[name](file)).stdout;
}

/** Returns a Python that has boto3, or null. */
export async function findPython() {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const found = await run(python, ["-c", "import boto3"]).then(() => true, () => false);
    if (found) return python;
  }
  return null;
}

/** Whether the shell finds a command. */
export const hasCommand = (name) => runShell(`command -v ${name}`).then(() => true, () => false);
