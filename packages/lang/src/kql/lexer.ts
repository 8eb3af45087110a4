/**
 * KQL text into tokens. A word goes on until a blank or one of `(){}:<>"`; a backslash takes a character's meaning
 * away. A date may have colons where a value belongs, and `+`, `-` and `!` before a word are operators elsewhere.
 */
import { checkSource, invalidAt, shown } from "../source.ts";
import type { KqlPattern, KqlPiece } from "./ast.ts";

export interface Token {
  readonly kind: "word" | "string" | "regex" | "symbol" | "and" | "or" | "not" | "end";
  /** As written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a word or string. */
  readonly pattern?: KqlPattern;
  /** Of a regular expression. */
  readonly regex?: string;
}

/** A search is a line or two; each of its words becomes conditions that the store must take. */
const TOKENS_MAX = 2_000;

const SPACE = /[\s\ufeff]+/y;
/** A line of its own that begins with `# `: queries are kept in files with a word about each. */
const COMMENT = /#(?:[ \t][^\n]*)?(?=\n|$)/y;
const OPERATOR = /<=|>=|[<>:()]/y;
/** With or without time and zone, and with date mathematics behind it. */
const DATE =
  /\d{4}-\d{2}-\d{2}(?:T\d{2}(?::\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?:\|\|[-+/\w]*)?(?![\w.:-])/y;
/** `{1 TO …`, unlike `{name: …` of KQL. */
const RANGE = /\{\s*(?:"[^"]{0,200}"|\S{1,200})\s+to\s/iy;
const DELIMITER = /[\s\ufeff(){}:<>"]/;
const escapes: { readonly [letter: string]: string } = { t: "\t", r: "\r", n: "\n" };

interface State {
  readonly text: string;
  readonly tokens: Token[];
  inRange: boolean;
}

/** The tokens of `text`; the last one is `end`. */
export function lexKql(text: string): Token[] {
  checkSource(text);
  const state: State = { text, tokens: [], inRange: false };
  let at = 0;
  for (;;) {
    at = skipBlank(text, at);
    if (at >= text.length) break;
    const token = readToken(state, at);
    state.tokens.push(token);
    if (state.tokens.length > TOKENS_MAX)
      throw invalidAt(at, `the search has more than ${TOKENS_MAX} words and signs`);
    at = token.end;
  }
  state.tokens.push({ kind: "end", text: "", start: text.length, end: text.length });
  return state.tokens;
}

function skipBlank(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = ended(SPACE, text, at);
    const lineStarts = at === 0 || /\n[ \t]*$/.test(text.slice(Math.max(0, at - 200), at));
    const next = lineStarts ? ended(COMMENT, text, at) : at;
    if (next === at) return at;
    at = next;
  }
}

function ended(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}

function readToken(state: State, start: number): Token {
  const { text, tokens } = state;
  const c = text[start] as string;
  const before = tokens.at(-1);
  const symbol = (length: number): Token => ({
    kind: "symbol",
    text: text.slice(start, start + length),
    start,
    end: start + length,
  });
  if (c === "{" || c === "}" || (c === "[" && isColon(before)) || (c === "]" && state.inRange)) {
    if (c === "[" || (c === "{" && isColon(before) && ended(RANGE, text, start) > start))
      state.inRange = true;
    if (c === "]" || c === "}") state.inRange = false;
    return symbol(1);
  }
  const operator = ended(OPERATOR, text, start);
  if (operator > start) return symbol(operator - start);
  const isValue = state.inRange || wantsValue(before);
  if (isValue) {
    const end = ended(DATE, text, start);
    if (end > start) {
      const date = text.slice(start, end);
      return { kind: "word", text: date, start, end, pattern: [{ kind: "text", text: date }] };
    }
  } else if ((c === "+" || c === "-" || c === "!") && isPrefix(text, start)) {
    return symbol(1);
  }
  if (c === '"') return readString(text, start);
  if (c === "/") {
    const regex = readRegex(text, start);
    if (regex !== undefined) return regex;
  }
  if (text.startsWith("&&", start)) return { kind: "and", text: "&&", start, end: start + 2 };
  if (text.startsWith("||", start)) return { kind: "or", text: "||", start, end: start + 2 };
  return readWord(state, start);
}

const isColon = (token: Token | undefined): boolean =>
  token?.kind === "symbol" && token.text === ":";

function wantsValue(before: Token | undefined): boolean {
  return before?.kind === "symbol" && /^(?::|[<>]=?)$/.test(before.text);
}

/** `-word`, `+(…)`, but not `- word`, `--option` or `->`. */
function isPrefix(text: string, at: number): boolean {
  const next = text[at + 1];
  return next !== undefined && next !== text[at] && !/[\s)}\]:<>=]/.test(next);
}

function readString(text: string, start: number): Token {
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at] as string;
    if (c === '"') {
      const end = at + 1;
      const pattern: KqlPattern = [{ kind: "text", text: value }];
      return { kind: "string", text: text.slice(start, end), start, end, pattern };
    }
    if (c !== "\\") {
      value += c;
      continue;
    }
    const { char, length } = readEscape(text, at, true);
    value += char;
    at += length - 1;
  }
  throw invalidAt(start, "the quoted text is not closed");
}

/** Between quotes a backslash before an ordinary character is one itself. */
function readEscape(
  text: string,
  at: number,
  quoted: boolean,
): { readonly char: string; readonly length: number } {
  const letter = text[at + 1];
  if (letter === undefined) {
    if (quoted) return { char: "\\", length: 1 };
    throw invalidAt(at, "a backslash at the end takes no character's meaning away; write \\\\");
  }
  const known = escapes[letter];
  if (known !== undefined) return { char: known, length: 2 };
  const hex = letter === "u" ? /^[0-9a-fA-F]{4}/.exec(text.slice(at + 2, at + 6))?.[0] : undefined;
  if (hex !== undefined) {
    const code = Number.parseInt(hex, 16);
    if (code >= 0xd800 && code <= 0xdfff)
      throw invalidAt(at, `${shown(text.slice(at, at + 6))} is not a character`);
    return { char: String.fromCharCode(code), length: 6 };
  }
  if (quoted && letter !== '"' && letter !== "\\") return { char: "\\", length: 1 };
  const char = String.fromCodePoint(text.codePointAt(at + 1) as number);
  return { char, length: 1 + char.length };
}

/** `/…/` with a blank or the end behind it; a path such as `/api/orders` is a word. */
function readRegex(text: string, start: number): Token | undefined {
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at];
    if (c === "\n") return undefined;
    if (c === "\\") at++;
    if (c !== "/") continue;
    const end = at + 1;
    const isClosed = end === text.length || /[\s)}]/.test(text[end] as string);
    if (!isClosed || end === start + 2) return undefined;
    const regex = text
      .slice(start + 1, at)
      .replace(/\\(.)/gs, (all, char) => (char === "/" ? "/" : all));
    return { kind: "regex", text: text.slice(start, end), start, end, regex };
  }
  return undefined;
}

const keywords: { readonly [word: string]: "and" | "or" | "not" } = {
  and: "and",
  or: "or",
  not: "not",
};

function readWord({ text, inRange }: State, start: number): Token {
  const pieces: KqlPiece[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") pieces.push({ kind: "text", text: plain });
    plain = "";
  };
  let at = start;
  while (at < text.length) {
    const c = text[at] as string;
    if (DELIMITER.test(c) || (inRange && c === "]")) break;
    if (c === "\\") {
      const { char, length } = readEscape(text, at, false);
      plain += char;
      at += length;
      continue;
    }
    at++;
    if (c !== "*" && c !== "?") {
      plain += c;
      continue;
    }
    flush();
    if (c === "?") pieces.push({ kind: "one" });
    else if (pieces.at(-1)?.kind !== "any") pieces.push({ kind: "any" });
  }
  flush();
  const raw = text.slice(start, at);
  const keyword = raw.length <= 3 ? raw.toLowerCase() : "";
  const kind = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
  return { kind: kind ?? "word", text: raw, start, end: at, pattern: pieces };
}
