// What a snippet is, and which server it is for.
import { endpoint } from "../api/server";
import type { Session } from "../session";

export type Language = "shell" | "javascript" | "python" | "go" | "html" | "hcl" | "ini";

export interface Snippet {
  /** Is the same for all snippets of a language or a tool, so that a choice of one lasts. */
  id: string;
  label: string;
  language: Language;
  code: string;
  /** What a file with it is called. */
  file?: string;
}

/** The server that a snippet calls. */
export interface Target {
  endpoint: string;
  region: string;
  /** The key of development mode. Another one is in no snippet: it is a secret. */
  key: { id: string; secret: string } | null;
}

export function targetOf({ access, open }: Session): Target {
  const key = open ? { id: access.accessKeyId, secret: access.secretAccessKey } : null;
  return { endpoint, region: access.region, key };
}

/** What a snippet says in place of a key. */
export const keyHint = "The access key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.";
