// Leafs through a list that the server gives page by page.
import { useState } from "preact/hooks";
import { useLoad, type Loaded } from "./load";

export interface Leafed<T> extends Omit<Loaded<T>, "set"> {
  /** The number of the page that data is of, counted from 1. */
  page: number;
  /** Leads to the page before that one; undefined when there is none. */
  back: (() => void) | undefined;
  /** Leads to the page after that one; undefined when there is none. */
  next: (() => void) | undefined;
  /** Leads to the first page. */
  restart: () => void;
}

/** Which page of which list: the tokens are those of the pages up to this one. */
interface Place {
  inputs: unknown[];
  tokens: string[];
}

/** The first page has an empty token. */
const start = [""];

/**
 * Loads the page of a list that has a token. When one of the inputs changes, it is another
 * list, which begins at its first page. What leads to other pages starts from the one that
 * is shown: that which is asked for may not be there yet, and has told no token.
 */
export function useLeaf<T extends { nextToken?: string | undefined }>(
  load: (token: string, signal: AbortSignal) => Promise<T>,
  inputs: unknown[],
): Leafed<T> {
  const [wanted, setWanted] = useState<Place>({ inputs, tokens: start });
  const tokens = isSame(wanted.inputs, inputs) ? wanted.tokens : start;
  const token = tokens.at(-1)!;
  const { data: shown, ...list } = useLoad(
    async (signal) => ({ answer: await load(token, signal), inputs, tokens }),
    [...inputs, token],
  );
  const to = (tokens: string[]) => () => {
    // What is shown may still be of another list.
    if (shown && isSame(shown.inputs, inputs)) setWanted({ inputs, tokens });
  };
  const before = shown?.tokens.slice(0, -1) ?? [];
  const nextToken = shown?.answer.nextToken;
  return {
    ...list,
    data: shown?.answer,
    page: before.length + 1,
    back: before.length > 0 ? to(before) : undefined,
    next: nextToken ? to([...before, shown.tokens.at(-1)!, nextToken]) : undefined,
    restart: to(start),
  };
}

const isSame = (a: unknown[], b: unknown[]): boolean => a.every((value, i) => value === b[i]);
