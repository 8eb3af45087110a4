/** LogQL text into tokens. Anything that is no token of LogQL is `query_invalid` with its offset. */
import { goQuoteRune, parseDurationMs } from "../promql/go-format.ts";
import { invalidAt, readQuoted } from "../source.ts";
import { rangeOps, vectorOps } from "./ast.ts";
import { parseBytes, parseQueryDurationNs } from "./units.ts";

export type TokenKind =
  | "name"
  | "keyword"
  | "function"
  | "number"
  | "duration"
  | "bytes"
  | "range"
  | "string"
  | "flag"
  | "symbol"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As written; of keywords and functions in lower case. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a string. */
  readonly string: string;
  /** Nanoseconds of a duration, milliseconds of a range, bytes. */
  readonly value: number;
}

/** Longest first. */
const SYMBOLS = [
  ...["|=", "|~", "|>", "!=", "!~", "!>", "==", "=~", ">=", "<="],
  ...["{", "}", "(", ")", ",", ".", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^"],
];

/** Words of the language wherever they stand. */
const KEYWORDS = new Set([
  ...["by", "without", "bool", "offset", "on", "ignoring", "group_left", "group_right"],
  ...["or", "and", "unless", "json", "regexp", "logfmt", "unpack", "pattern", "label_format"],
  ...["line_format", "decolorize", "drop", "keep", "unwrap"],
]);

/** Words of the language where a parenthesis or a grouping follows; names elsewhere. */
const FUNCTIONS = new Set<string>([
  ...rangeOps,
  ...vectorOps,
  ...["vector", "label_replace", "bytes", "duration", "duration_seconds", "ip"],
]);

const FLAGS = new Set(["--strict", "--keep-empty"]);
const SPACE = /[ \t\r\n]+|#[^\n]*/y;
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const NUMBER =
  /0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]+)?|0[bBoO][0-9_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y;
const DURATION_REST = /[\d.nuµmshdwy]+/y;
const BYTES_REST = /[\d.BikKMGTP]+/y;
const FLAG = /--[\p{L}-]*/uy;
const CALLED = /[\s]*(?:\(|(?:by|without)\s*\()/iy;

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
  tokens.push({ ...blank, kind: "end", text: "", start: text.length, end: text.length });
  return tokens;
}

const blank = { string: "", value: 0 };

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const found = matchAt(SPACE, text, at);
    if (found === undefined) return at;
    at += found.length;
  }
}

function readToken(text: string, start: number): Token {
  const c = text[start] as string;
  if (c === '"' || c === "`") {
    const { value, end } = readQuoted(text, start);
    return { ...blank, kind: "string", text: text.slice(start, end), start, end, string: value };
  }
  if (c === "[") return readRange(text, start);
  const name = matchAt(NAME, text, start);
  if (name !== undefined) return readWord(text, start, name);
  const number = matchAt(NUMBER, text, start);
  if (number !== undefined) return readNumber(text, start, number);
  if (c === "-") {
    const flag = matchAt(FLAG, text, start);
    if (flag !== undefined && FLAGS.has(flag)) return make("flag", text, start, flag.length);
    const duration = withRest(text, start, {
      head: "-",
      rest: DURATION_REST,
      read: parseQueryDurationNs,
    });
    if (duration !== undefined) return { ...duration, kind: "duration" };
  }
  const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, start));
  if (symbol !== undefined) return make("symbol", text, start, symbol.length);
  const character = String.fromCodePoint(text.codePointAt(start) as number);
  throw invalidAt(start, `syntax error: unexpected character ${goQuoteRune(character)}`);
}

function make(kind: TokenKind, text: string, start: number, length: number): Token {
  const end = start + length;
  return { ...blank, kind, text: text.slice(start, end), start, end };
}

function readWord(text: string, start: number, name: string): Token {
  const token = make("name", text, start, name.length);
  const lower = name.toLowerCase();
  if (FUNCTIONS.has(lower))
    return matchAt(CALLED, text, token.end) === undefined
      ? token
      : { ...token, kind: "function", text: lower };
  return KEYWORDS.has(lower) ? { ...token, kind: "keyword", text: lower } : token;
}

function readNumber(text: string, start: number, number: string): Token {
  const duration = withRest(text, start, {
    head: number,
    rest: DURATION_REST,
    read: parseQueryDurationNs,
  });
  if (duration !== undefined) return { ...duration, kind: "duration" };
  const bytes = withRest(text, start, { head: number, rest: BYTES_REST, read: parseBytes });
  if (bytes !== undefined) return { ...bytes, kind: "bytes" };
  return make("number", text, start, number.length);
}

/** What begins with `head` and goes on with `rest`, when `read` understands it. */
function withRest(
  text: string,
  start: number,
  { head, rest, read }: { head: string; rest: RegExp; read: (text: string) => number },
): Token | undefined {
  const more = matchAt(rest, text, start + head.length);
  if (more === undefined) return undefined;
  try {
    return { ...make("number", text, start, head.length + more.length), value: read(head + more) };
  } catch {
    return undefined;
  }
}

function readRange(text: string, start: number): Token {
  const close = text.indexOf("]", start);
  if (close < 0) throw invalidAt(start, "missing closing ']' in duration");
  try {
    const value = parseDurationMs(text.slice(start + 1, close));
    return { ...make("range", text, start, close + 1 - start), value };
  } catch (error) {
    throw invalidAt(start + 1, (error as Error).message);
  }
}
