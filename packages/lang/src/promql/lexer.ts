/** PromQL text into tokens. Anything that is no token of PromQL is `query_invalid` with its offset. */
import { invalidAt, readQuoted, shown } from "../source.ts";

export interface Token {
  readonly kind: "name" | "number" | "string" | "symbol" | "end";
  /** As written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a string. */
  readonly string: string;
  /** Of a number or duration, which is seconds. */
  readonly number: number;
}

/** Longest first, so that `=~` is not read as `=`. */
const SYMBOLS = [
  ...["==", "=~", "!=", "!~", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", ":", "@"],
  ...["=", ">", "<", "+", "-", "*", "/", "%", "^"],
];

const SPACE = /[ \t\r\n]+|#[^\n]*/y;
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const DURATION =
  /(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?/y;
const DURATION_SECONDS = [31_536_000, 604_800, 86_400, 3_600, 60, 1, 0.001];

/** The tokens of `text`; the last one is `end`. */
export function lexPromql(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at = skipSpace(text, at);
    if (at >= text.length) break;
    const token = readToken(text, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push(tokenOf("end", text, { start: text.length, end: text.length }));
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
  if (c === '"' || c === "'" || c === "`") {
    const { value, end } = readQuoted(text, start);
    return { ...tokenOf("string", text, { start, end }), string: value };
  }
  if (/[0-9]/.test(c) || (c === "." && /[0-9]/.test(text[start + 1] ?? "")))
    return readNumber(text, start);
  NAME.lastIndex = start;
  // A lone colon separates range and step of a subquery; names begin with one in recording rules only.
  const name = c === ":" && !/[a-zA-Z_:]/.test(text[start + 1] ?? "") ? null : NAME.exec(text);
  if (name !== null) return tokenOf("name", text, { start, end: start + name[0].length });
  const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, start));
  if (symbol === undefined) {
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    throw invalidAt(start, `unexpected character ${shown(character)}`);
  }
  return tokenOf("symbol", text, { start, end: start + symbol.length });
}

function readNumber(text: string, start: number): Token {
  DURATION.lastIndex = start;
  const duration = DURATION.exec(text);
  NUMBER.lastIndex = start;
  const plain = NUMBER.exec(text)?.[0] ?? "";
  const isDuration = duration !== null && duration[0].length >= plain.length;
  const size = isDuration ? duration[0].length : plain.length;
  const end = start + size;
  if (size === 0 || /[a-zA-Z0-9_.]/.test(text[end] ?? ""))
    throw invalidAt(start, `bad number or duration ${shown(text.slice(start, end + 1))}`);
  const token = tokenOf("number", text, { start, end });
  if (!isDuration) return { ...token, number: Number(plain) };
  const milliseconds = DURATION_SECONDS.reduce(
    (sum, seconds, i) => sum + Number(duration[i + 1] ?? 0) * seconds * 1000,
    0,
  );
  return { ...token, number: milliseconds / 1000 };
}

function tokenOf(kind: Token["kind"], text: string, span: { start: number; end: number }): Token {
  return { kind, text: text.slice(span.start, span.end), ...span, string: "", number: Number.NaN };
}
