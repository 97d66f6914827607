// Says what went wrong so that a person can do something about it.

export interface Explained {
  title: string;
  detail: string;
  /** What is wrong with which member of the request. */
  fields: { name: string; message: string }[];
}

interface Told {
  name?: string;
  message?: string;
  fieldList?: { name?: string; message?: string }[];
  limit?: number;
}

const texts: Record<string, (e: Told) => [title: string, detail: string]> = {
  UnrecognizedClientException: () => [
    "The server does not know this access key",
    "Check the access key ID. Keys are in the server's data folder, in the file credentials, " +
      "or in its configuration.",
  ],
  InvalidSignatureException: explainSignature,
  AccessDeniedException: (e) => ["You may not do this", e.message ?? ""],
  PendingVerification: () => [
    "The account is pending verification",
    "Until it is verified, it can only look.",
  ],
  ExpiredTokenException: () => ["The access key has expired", "Sign in with a new one."],
  ThrottlingException: (e) => [
    "Too many calls",
    e.limit
      ? `The server takes ${e.limit} of these calls a second. Try again in a moment.`
      : "Try again in a moment.",
  ],
  ServiceQuotaExceededException: (e) => [
    "The quota is used up",
    e.limit ? `The account may have ${e.limit}. ${e.message ?? ""}` : (e.message ?? ""),
  ],
  ResourceNotFoundException: (e) => ["It does not exist", e.message ?? "It may have been deleted."],
  ConflictException: (e) => ["It is in use", e.message ?? ""],
  ValidationException: (e) => ["Something is not right", e.message ?? ""],
  ServiceUnavailableException: () => [
    "The server is too busy",
    "It could not do this in time. Try again in a moment.",
  ],
  TimeoutError: () => ["The server does not answer", "Try again in a moment."],
  TypeError: () => [
    "The server cannot be reached",
    "It may be stopped, or the network is away. Try again in a moment.",
  ],
};

/** What an error says of a signature's time: when that was, and what the server's time is. */
const untimely = /Signature (?:expired|not yet current): (\w+) .*\((\w+) [-+]/;

/** Reads a time such as 20260301T100000Z, and returns it in milliseconds. */
const readTime = (time: string): number =>
  Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, "$1-$2-$3T$4:$5:"));

function explainSignature(e: Told): [string, string] {
  const [, signed, now] = untimely.exec(e.message ?? "") ?? [];
  if (signed && now) {
    const minutes = Math.round((readTime(signed) - readTime(now)) / 60_000);
    const way = minutes > 0 ? "ahead of" : "behind";
    return [
      "The clock of this device is wrong",
      `It is ${Math.abs(minutes)} minutes ${way} the server's. Signatures hold for a few ` +
        "minutes only. Set the clock, and try again.",
    ];
  }
  if (/region/i.test(e.message ?? "")) {
    return ["The server does not serve this region", e.message ?? ""];
  }
  return [
    "The secret does not fit the access key",
    "Check the secret access key. If it is right, a proxy may change the Host header: " +
      "then the server needs its public name in the setting hosts.",
  ];
}

/** Explains an error of a call, whatever threw it. */
export function explain(error: unknown): Explained {
  const e = (error ?? {}) as Told;
  const [title, detail] = texts[e.name ?? ""]?.(e) ?? [
    "That did not work",
    e.message || "The server gave no reason.",
  ];
  const fields = (e.fieldList ?? []).map((f) => ({
    name: f.name ?? "",
    message: plain(f.message ?? ""),
  }));
  return { title, detail, fields };
}

/** Whether an error has the name of an exception of the API. */
export const isException = (error: unknown, name: string): boolean =>
  (error as Told | undefined)?.name === name;

const patterns: [RegExp, string][] = [
  [/^Member must not be null$/, "Please fill this in."],
  [/^Member must have length greater than or equal to (\d+)$/, "At least $1 characters."],
  [/^Member must have length less than or equal to (\d+)$/, "At most $1."],
  [/^Member must have value greater than or equal to (\d+)$/, "At least $1."],
  [/^Member must have value less than or equal to (\d+)$/, "At most $1."],
  [
    /^Member must satisfy regular expression pattern: \^\[a-zA-Z0-9-_\]\*\$$/,
    "Letters, digits, - and _ only.",
  ],
  [
    /^Member must satisfy regular expression pattern: \^\[a-z0-9-\.\]\+\$$/,
    "Lower-case letters, digits, - and . only.",
  ],
  [
    /^Member must satisfy regular expression pattern: \^\[\\\.\\-_\/#A-Za-z0-9\]\+\$$/,
    "Letters, digits and . - _ / # only.",
  ],
  [
    /^Member must satisfy regular expression pattern: \^\[a-zA-Z0-9_\.-\]\+\$$/,
    "Letters, digits, _, . and - only.",
  ],
  [/^Member must satisfy regular expression pattern: (.*)$/, "It must look like $1"],
  [/^Member must satisfy enum value set: \[(.*)\]$/, "One of $1."],
];

/** Turns a constraint of the API into words for a form. */
function plain(constraint: string): string {
  for (const [pattern, text] of patterns) {
    if (pattern.test(constraint)) return constraint.replace(pattern, text);
  }
  return constraint;
}
