/**
 * TraceQL text into tokens. What follows `.`, `span.` and the like is an attribute's name and has rules of its own: it
 * goes on until a blank or one of `{}()=~!<>&|^,`, and parts of it may be quoted.
 */

import { TriptychError } from "@triptych/model";
import { checkSource, invalidAt, readQuoted, shown } from "../source.ts";
import { durationNs } from "./duration.ts";
import { integerOf, type Static } from "./static.ts";

export interface Token {
  readonly kind: "name" | "number" | "string" | "symbol" | "attribute" | "intrinsic" | "end";
  /** As written; of an attribute its name; of a scoped intrinsic both parts. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a number or string. */
  readonly value?: Static;
  /** Of an attribute: `""`, `span`, `parent.resource`, … */
  readonly scope?: string;
}

/** Longest first. */
const SYMBOLS = [
  ...["!>>", "!<<", "&>>", "&<<"],
  ...["!=", "=~", "!~", ">=", "<=", "&&", "||", ">>", "<<", "!>", "!<", "&~", "&>", "&<"],
  ...["{", "}", "(", ")", ",", "=", ">", "<", "+", "-", "*", "/", "%", "^", "!", "|", "~"],
];

const SPACE = /[ \t\r\n]+/y;
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
/** What may follow a number in a duration. */
const DURATION_REST = /[\dnsumhµμdwy.]+/y;
const ATTRIBUTE_END = new Set([..."{}()=~!<>&|^,"]);
const ATTRIBUTE_SCOPES = new Set(["span", "resource", "event", "link", "instrumentation"]);
const INTRINSIC_SCOPES = new Set(["span", "trace", "event", "link", "instrumentation"]);
const TOKENS_MAX = 20_000;

/** The tokens of `text`; the last one is `end`. */
export function lexTraceql(text: string): Token[] {
  checkSource(text);
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
    if (at >= text.length) break;
    const token = readToken(text, at);
    tokens.push(token);
    if (tokens.length > TOKENS_MAX)
      throw invalidAt(at, `the query has more than ${TOKENS_MAX} tokens`);
    at = token.end;
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length });
  return tokens;
}

function readToken(text: string, start: number): Token {
  const c = text[start] as string;
  if (c === '"' || c === "`") {
    const { value, end } = readQuoted(text, start);
    return {
      kind: "string",
      text: text.slice(start, end),
      start,
      end,
      value: { type: "string", value },
    };
  }
  NUMBER.lastIndex = start;
  const number = NUMBER.exec(text)?.[0];
  if (number !== undefined) return readNumber(text, start, number);
  if (c === ".") return readAttribute(text, { start, at: start + 1, scope: "" });
  NAME.lastIndex = start;
  const name = NAME.exec(text)?.[0];
  if (name !== undefined) return readName(text, start, name);
  const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, start));
  if (symbol === undefined) {
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    throw invalidAt(start, `unexpected character ${shown(character)}`);
  }
  return { kind: "symbol", text: symbol, start, end: start + symbol.length };
}

function readNumber(text: string, start: number, digits: string): Token {
  DURATION_REST.lastIndex = start + digits.length;
  const rest = DURATION_REST.exec(text)?.[0];
  if (rest !== undefined) {
    const ns = durationNs(digits + rest);
    if (ns !== undefined) {
      const end = start + digits.length + rest.length;
      const value: Static = { type: "duration", value: ns };
      return { kind: "number", text: text.slice(start, end), start, end, value };
    }
  }
  const end = start + digits.length;
  const token = { kind: "number", text: digits, start, end } as const;
  if (!/^\d+$/.test(digits)) return { ...token, value: { type: "float", value: Number(digits) } };
  if (digits.length > 19 || BigInt(digits) >= 2n ** 63n)
    throw invalidAt(start, `the integer ${shown(digits)} is larger than 64 bits hold`);
  return { ...token, value: { type: "int", value: integerOf(digits) } };
}

function readName(text: string, start: number, name: string): Token {
  const end = start + name.length;
  const after = text[end];
  if (after === "." && ATTRIBUTE_SCOPES.has(name))
    return readAttribute(text, { start, at: end + 1, scope: name });
  if (after === "." && name === "parent") {
    const inner = ["span", "resource"].find((scope) => text.startsWith(`${scope}.`, end + 1));
    const scope = inner === undefined ? "parent" : `parent.${inner}`;
    return readAttribute(text, { start, at: start + scope.length + 1, scope });
  }
  if (after === ":" && INTRINSIC_SCOPES.has(name)) {
    NAME.lastIndex = end + 1;
    const field = NAME.exec(text)?.[0];
    if (field === undefined)
      throw invalidAt(end + 1, `a name is missing after ${shown(`${name}:`)}`);
    const form = `${name}:${field}`;
    return { kind: "intrinsic", text: form, start, end: start + form.length };
  }
  return { kind: "name", text: name, start, end };
}

function readAttribute(
  text: string,
  from: { readonly start: number; readonly at: number; readonly scope: string },
): Token {
  let name = "";
  let at = from.at;
  for (let c = text[at]; c !== undefined; c = text[at]) {
    if (c === '"') {
      const part = readQuotedPart(text, at);
      name += part.value;
      at = part.end;
    } else if (ATTRIBUTE_END.has(c) || /\s/.test(c)) break;
    else {
      name += c;
      at++;
    }
  }
  if (name === "") throw invalidAt(from.at, "the name of an attribute is missing");
  return { kind: "attribute", text: name, scope: from.scope, start: from.start, end: at };
}

/** Between double quotes, where only the quote and the backslash are escaped. */
function readQuotedPart(text: string, start: number): { value: string; end: number } {
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at] as string;
    if (c === '"') return { value, end: at + 1 };
    if (c !== "\\") {
      value += c;
      continue;
    }
    const escaped = text[++at];
    if (escaped !== '"' && escaped !== "\\")
      throw invalidAt(at - 1, 'in the name of an attribute only \\" and \\\\ are escapes');
    value += escaped;
  }
  throw new TriptychError("query_invalid", "the quoted name is not closed", { offset: start });
}

/** An attribute's name as it must be written after its scope. */
export function attributeText(name: string): string {
  const plain = name !== "" && ![...name].some((c) => ATTRIBUTE_END.has(c) || /\s/.test(c));
  if (plain && !name.includes('"') && !name.includes("\\")) return name;
  return `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
