// Texts as literals of the languages that snippets are in.

const plainWord = /^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$/;

/** A word of a POSIX shell, in quotes when it needs them. */
export const shell = (text: string): string =>
  plainWord.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/**
 * A string of JavaScript, Python, Go or JSON. All of them read the escapes of JSON; what Go
 * and Python do not take inside of a file as it is, is escaped too.
 */
export const string = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
  );

const identifier = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** An object of JavaScript, on one line. */
export function object(record: Record<string, string>): string {
  const members = Object.entries(record).map(
    ([key, value]) => `${identifier.test(key) ? key : string(key)}: ${string(value)}`,
  );
  return members.length ? `{ ${members.join(", ")} }` : "{}";
}

/** A dictionary of Python or a map of Go, on one line, without what is around it. */
export const entries = (record: Record<string, string>): string =>
  Object.entries(record)
    .map(([key, value]) => `${string(key)}: ${string(value)}`)
    .join(", ");

/** Puts spaces after names, so that what follows them is in one column. */
export function columns(lines: [name: string, rest: string][], between = " "): string[] {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, rest]) => name.padEnd(width) + between + rest);
}
