/** LogQL text into tokens. Anything that is no token of LogQL is `query_invalid` with its offset. */
import { invalidAt, readQuoted, shown } from "../source.ts";

export interface Token {
  readonly kind: "name" | "number" | "string" | "symbol" | "end";
  /** As written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a string. */
  readonly string: string;
}

/** Longest first. */
const SYMBOLS = [
  ...["|=", "|~", "|>", "!=", "!~", "!>", "==", "=~", ">=", "<="],
  ...[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "|",
    "=",
    ">",
    "<",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "@",
    ":",
  ],
];

const SPACE = /[ \t\r\n]+|#[^\n]*/y;
const NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** Numbers, durations (`5m`, `1h30m`) and sizes (`1.5KB`). */
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:[a-zA-Zµ]+(?:\d+\.?\d*[a-zA-Zµ]+)*)?/y;

/** The tokens of `text`; the last one is `end`. */
export function lexLogql(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at = skipSpace(text, at);
    if (at >= text.length) break;
    const token = readToken(text, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length, string: "" });
  return tokens;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    SPACE.lastIndex = at;
    const found = SPACE.exec(text);
    if (found === null) return at;
    at += found[0].length;
  }
}

function readToken(text: string, start: number): Token {
  const c = text[start] as string;
  if (c === '"' || c === "`") {
    const { value, end } = readQuoted(text, start);
    return { kind: "string", text: text.slice(start, end), start, end, string: value };
  }
  for (const [kind, pattern] of [
    ["name", NAME],
    ["number", NUMBER],
  ] as const) {
    pattern.lastIndex = start;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined)
      return { kind, text: found, start, end: start + found.length, string: "" };
  }
  const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, start));
  if (symbol === undefined) {
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    throw invalidAt(start, `unexpected character ${shown(character)}`);
  }
  return { kind: "symbol", text: symbol, start, end: start + symbol.length, string: "" };
}
