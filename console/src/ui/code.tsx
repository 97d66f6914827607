// Code to copy, with its words in colours, and a choice between languages.
import { State, useValue } from "../lib/state";
import { browserStore } from "../lib/storage";
import type { Language, Snippet } from "../snippets/snippet";
import { CopyButton } from "./button";

/** What is coloured: comments, strings, and words of the language, in this order. */
const hashComment = /#.*/;
const slashComment = /\/\/.*/;
const strings = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/;

const words = (list: string): RegExp => new RegExp(`\\b(?:${list.replaceAll(" ", "|")})\\b`);

const languages: Record<Language, { comment: RegExp; string: RegExp; word: RegExp }> = {
  shell: {
    comment: /(?<=^|\n)#.*/,
    string: /"(?:\\.|[^"\\])*"|'[^']*'/,
    word: /(?<=\s)--[a-z-]+|\b(?:export|npm|node|aws|parley|curl|terraform)\b(?= )/,
  },
  javascript: {
    comment: slashComment,
    string: new RegExp(`${strings.source}|\`(?:\\\\.|[^\`\\\\])*\``),
    word: words("import from const let new await async function return if else throw try catch"),
  },
  python: { comment: hashComment, string: strings, word: words("import from print") },
  go: {
    comment: slashComment,
    string: strings,
    word: words("package import func if return nil map string"),
  },
  html: {
    comment: /<!--[^]*?-->|(?<=^|\s)\/\/.*/,
    string: strings,
    word: /<\/?[a-z][a-z0-9]*\b|\b(?:const|let|new|await|async|function|return|if|else)\b/,
  },
  hcl: {
    comment: hashComment,
    string: strings,
    word: words("provider resource output endpoints true"),
  },
  ini: { comment: hashComment, string: /\[[^\]\n]*\]/, word: /^[a-z_]+(?= *=)/m },
};

/** Splits a text into parts, each of which is of one kind. */
function colour(text: string, language: Language): { kind: string; text: string }[] {
  const { comment, string, word } = languages[language];
  const pattern = new RegExp(
    `(?<comment>${comment.source})|(?<string>${string.source})|(?<word>${word.source})`,
    "gm",
  );
  const parts: { kind: string; text: string }[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) parts.push({ kind: "", text: text.slice(end, match.index) });
    const kind = Object.entries(match.groups!).find(([, found]) => found !== undefined)![0];
    parts.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  parts.push({ kind: "", text: text.slice(end) });
  return parts;
}

/** A snippet, with a button that copies it. */
export function Code({ snippet }: { snippet: Snippet }) {
  const { code, language, label, file } = snippet;
  return (
    <figure class="code">
      <figcaption>
        <span class="mono truncate grow">{file ?? label}</span>
        <CopyButton text={code} label={`${file ?? label} snippet`} />
      </figcaption>
      <pre tabIndex={0} aria-label={file ?? label}>
        <code>
          {colour(code.trimEnd(), language).map((part, i) =>
            part.kind ? (
              <span key={i} class={`code-${part.kind}`}>
                {part.text}
              </span>
            ) : (
              part.text
            ),
          )}
        </code>
      </pre>
    </figure>
  );
}

const chosenKey = "snippets";

/** How many choices are remembered. */
const maxChosen = 10;

/** What was chosen, the last first: what is chosen in one place, is so in all that have it. */
const chosen = new State((browserStore.get(chosenKey) ?? "").split(","));

function choose(id: string): void {
  chosen.value = [id, ...chosen.value.filter((c) => c !== id)].slice(0, maxChosen);
  browserStore.set(chosenKey, chosen.value.join(","));
}

/** Snippets that do the same, one of which is shown. label says what they do. */
export function Snippets({ label, snippets }: { label: string; snippets: Snippet[] }) {
  const rank = (s: Snippet, all: string[]) => (all.indexOf(s.id) + 1 || Infinity);
  const all = useValue(chosen);
  const shown = snippets.reduce((best, s) => (rank(s, all) < rank(best, all) ? s : best));
  return (
    <div class="snippets">
      <div class="segments" role="group" aria-label={label}>
        {snippets.map((s) => (
          <button
            key={s.id}
            type="button"
            aria-pressed={s === shown}
            onClick={() => choose(s.id)}
          >
            {s.label}
          </button>
        ))}
      </div>
      <Code snippet={shown} />
    </div>
  );
}
