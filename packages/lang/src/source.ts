/** What all the languages share: places in the query text, errors that carry them, and quoted strings. */
import { defaultLimits, TriptychError } from "@triptych/model";

/** Characters `start` to `end` (exclusive) of the query text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export function invalidAt(offset: number, message: string): TriptychError {
  return new TriptychError("query_invalid", message, { offset });
}

export function unsupportedAt(offset: number, what: string): TriptychError {
  return new TriptychError("query_unsupported", `${what} cannot be evaluated yet`, { offset });
}

/** Refuses text that no lexer should look at: too long, or with half a surrogate pair in it. */
export function checkSource(text: string): void {
  if (text.length > defaultLimits.queryBytesMax) {
    const message = `the query has ${text.length} characters, more than ${defaultLimits.queryBytesMax}`;
    throw invalidAt(defaultLimits.queryBytesMax, message);
  }
  const lone = text.search(/\p{Surrogate}/u);
  if (lone >= 0) throw invalidAt(lone, "the query is not valid Unicode");
}

export interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

/** Line and column of a character offset, as the peers print them. */
export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split("\n");
  const last = before[before.length - 1] ?? "";
  return { line: before.length, column: [...last].length + 1 };
}

/** The same with columns that count bytes of UTF-8, as Go's programs print them. */
export function placeInBytes(text: string, offset: number): Place {
  const before = text.slice(0, offset).split("\n");
  const last = before[before.length - 1] ?? "";
  return { line: before.length, column: encoder.encode(last).length + 1 };
}

/** A piece of the query in an error message: cut, with control characters escaped. */
export function shown(piece: string): string {
  return JSON.stringify(piece.length > 40 ? `${piece.slice(0, 40)}…` : piece);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const simpleEscapes: { readonly [letter: string]: number } = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
};

/**
 * Reads the quoted string that starts at `start`, with Go's escapes; between backticks there are none. Throws
 * `query_invalid` with the offset of what is wrong.
 */
export function readQuoted(text: string, start: number): { value: string; end: number } {
  const quote = text[start];
  if (quote === "`") {
    const close = text.indexOf("`", start + 1);
    if (close < 0) throw invalidAt(start, "the string is not closed");
    return { value: text.slice(start + 1, close), end: close + 1 };
  }
  const bytes: number[] = [];
  let plain = start + 1;
  for (let at = plain; ; ) {
    const c = text[at];
    if (c === undefined || c === "\n") throw invalidAt(start, "the string is not closed");
    if (c !== quote && c !== "\\") {
      at++;
      continue;
    }
    if (plain < at) for (const byte of encoder.encode(text.slice(plain, at))) bytes.push(byte);
    if (c === quote) {
      try {
        return { value: utf8.decode(Uint8Array.from(bytes)), end: at + 1 };
      } catch {
        throw invalidAt(start, "the string's escapes do not make valid UTF-8");
      }
    }
    at = readEscape(text, at, bytes, quote);
    plain = at;
  }
}

/** Appends the bytes of the escape at `at` and returns where it ends. */
function readEscape(text: string, at: number, bytes: number[], quote: string | undefined): number {
  const letter = text[at + 1] ?? "";
  const simple = simpleEscapes[letter];
  if (simple !== undefined) {
    bytes.push(simple);
    return at + 2;
  }
  if (letter === quote) {
    bytes.push(letter.charCodeAt(0));
    return at + 2;
  }
  const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined) {
    bytes.push(Number.parseInt(octal, 8));
    return at + 4;
  }
  const size = { x: 2, u: 4, U: 8 }[letter];
  const digits = size === undefined ? "" : text.slice(at + 2, at + 2 + size);
  if (size === undefined || digits.length < size || !/^[0-9a-fA-F]+$/.test(digits))
    throw invalidAt(at, `${shown(text.slice(at, at + 2))} is not an escape`);
  const code = Number.parseInt(digits, 16);
  if (letter === "x") {
    bytes.push(code);
  } else {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      throw invalidAt(at, `${shown(text.slice(at, at + 2 + size))} is not a character`);
    for (const byte of encoder.encode(String.fromCodePoint(code))) bytes.push(byte);
  }
  return at + 2 + size;
}

const named: { readonly [c: string]: string } = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

/** `value` between double quotes, such that `readQuoted` gives it back. */
export function quote(value: string): string {
  let out = '"';
  for (const c of value) {
    const code = c.codePointAt(0) as number;
    const control = code < 0x20 || code === 0x7f || code === 0xfeff;
    out += named[c] ?? (control ? `\\u${code.toString(16).padStart(4, "0")}` : c);
  }
  return `${out}"`;
}
