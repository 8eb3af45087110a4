/**
 * PromQL text into tokens. What follows a `{` or `[` is read by other rules, so the lexer keeps track of them. A text
 * that is no token ends the list with an `error` token: what stands before it is still parsed, so that the first
 * mistake in the text is the one reported.
 */
import { invalidAt, readQuoted } from "../source.ts";
import { goQuote, goQuoteRune } from "./go-format.ts";
import { aggregations, binaryOperators, durationCalls, modifiers } from "./words.ts";

export type TokenKind =
  | "identifier"
  | "metric"
  | "number"
  | "duration"
  | "string"
  | "symbol"
  | "operator"
  | "aggregator"
  | "keyword"
  | "preprocessor"
  | "end"
  | "error";

export interface Token {
  readonly kind: TokenKind;
  /** As written; the message of an error. */
  readonly text: string;
  /** What it is, whatever its case: the keyword or symbol, "" for the rest. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

type Named = { readonly name: string };
const WORDS = new Map<string, TokenKind>();
const isWord = ({ name }: Named): boolean => /^[a-z]/.test(name);
for (const { name } of binaryOperators.filter(isWord)) WORDS.set(name, "operator");
for (const { name } of aggregations) WORDS.set(name, "aggregator");
for (const { name } of modifiers.filter(isWord)) WORDS.set(name, "keyword");
for (const name of ["start", "end"]) WORDS.set(name, "preprocessor");
for (const { name } of durationCalls) WORDS.set(name, "preprocessor");
WORDS.set("inf", "number");
WORDS.set("nan", "number");

const DURATION_WORDS: ReadonlySet<string> = new Set(durationCalls.map(({ name }) => name));
const isSpace = (c: string): boolean => c === " " || c === "\t" || c === "\n" || c === "\r";
const isDigit = (c: string): boolean => c >= "0" && c <= "9";
const isAlpha = (c: string): boolean => /^[a-zA-Z_]$/.test(c);
const isAlphaNumeric = (c: string): boolean => isAlpha(c) || (c !== "" && isDigit(c));

/** The tokens of `text`; the last one is `end` or `error`. */
export function lexPromql(text: string): Token[] {
  return new Lexer(text).run();
}

class LexError {
  readonly message: string;
  readonly start: number;

  constructor(message: string, start: number) {
    this.message = message;
    this.start = start;
  }
}

class Lexer {
  private readonly tokens: Token[] = [];
  private at = 0;
  private parens = 0;
  private inBraces = false;
  private inBrackets = false;
  /** Between `[` and the first number, where only durations may stand. */
  private inDuration = false;
  private gotColon = false;
  private gotDuration = false;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  run(): Token[] {
    try {
      while (this.step()) {
        // Each step is one token.
      }
    } catch (thrown) {
      if (!(thrown instanceof LexError)) throw thrown;
      const end = this.text.length;
      this.tokens.push({ kind: "error", text: thrown.message, name: "", start: thrown.start, end });
    }
    return this.tokens;
  }

  private char(ahead = 0): string {
    const code = this.text.codePointAt(this.at + ahead);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  private emit(kind: TokenKind, start: number, name = ""): true {
    const text = this.text.slice(start, this.at);
    this.tokens.push({ kind, text, name, start, end: this.at });
    return true;
  }

  private symbol(kind: TokenKind, text: string): true {
    const start = this.at;
    this.at += text.length;
    return this.emit(kind, start, text);
  }

  private skip(): void {
    for (;;) {
      if (isSpace(this.text[this.at] ?? "x")) this.at++;
      else if (this.text[this.at] === "#" && !this.inDuration) this.skipComment();
      else return;
    }
  }

  private skipComment(): void {
    while (this.at < this.text.length && !/[\r\n]/.test(this.text[this.at] as string)) this.at++;
  }

  private step(): boolean {
    this.skip();
    if (this.inBraces) return this.braces();
    return this.inDuration ? this.duration() : this.statement();
  }

  private statement(): boolean {
    const c = this.char();
    const start = this.at;
    if (c === "") {
      if (this.parens !== 0) throw new LexError("unclosed left parenthesis", start);
      if (this.inBrackets) throw new LexError("unclosed left bracket", start);
      this.emit("end", start);
      return false;
    }
    if ("*/%+-^".includes(c)) return this.symbol("operator", c);
    if (c === ",") return this.symbol("symbol", ",");
    if (c === "@") return this.symbol("operator", "@");
    if (c === "=" || c === "!" || c === "<" || c === ">") return this.comparison(c);
    if (isDigit(c) || (c === "." && isDigit(this.char(1)))) return this.numberOrDuration();
    if (c === '"' || c === "'" || c === "`") return this.string();
    if (isAlpha(c) || c === ":") return this.word(c);
    if (c === "(" || c === ")") return this.paren(c);
    if (c === "{") {
      this.inBraces = true;
      return this.symbol("symbol", c);
    }
    if (c === "[" || c === "]") return this.bracket(c);
    throw new LexError(`unexpected character: ${goQuoteRune(c)}`, start);
  }

  private comparison(c: string): true {
    const next = this.char(1);
    if (c === "=") {
      if (next === "=") return this.symbol("operator", "==");
      if (next === "~")
        throw new LexError(`unexpected character after '=': ${goQuoteRune(next)}`, this.at);
      return this.symbol("symbol", "=");
    }
    if (c === "!") {
      if (next === "=") return this.symbol("operator", "!=");
      const shown = next === "" ? "'\\uffff'" : goQuoteRune(next);
      throw new LexError(`unexpected character after '!': ${shown}`, this.at);
    }
    if (next === "=" || next === "/") return this.symbol("operator", c + next);
    return this.symbol("operator", c);
  }

  private paren(c: string): true {
    this.symbol("symbol", c);
    this.parens += c === "(" ? 1 : -1;
    if (this.parens >= 0) return true;
    this.tokens.pop();
    throw new LexError("unexpected right parenthesis ')'", this.at);
  }

  private bracket(c: string): true {
    if (c === "[") {
      if (this.inBrackets) throw new LexError("unexpected left bracket '['", this.at);
      this.inBrackets = true;
      this.inDuration = true;
      this.gotColon = false;
      this.gotDuration = false;
      return this.symbol("symbol", c);
    }
    if (!this.inBrackets) throw new LexError("unexpected right bracket ']'", this.at);
    this.inBrackets = false;
    return this.symbol("symbol", c);
  }

  private word(c: string): true {
    const start = this.at;
    if (!this.inBrackets) return this.keywordOrIdentifier();
    if (c === ":") {
      if (this.gotColon) throw new LexError("unexpected colon ':'", start);
      this.gotColon = true;
      return this.symbol("symbol", ":");
    }
    if (this.durationWord()) return true;
    throw new LexError(`unexpected character: ${goQuoteRune(c)}, expected ':'`, start);
  }

  private durationWord(): boolean {
    const start = this.at;
    let end = start;
    while (isAlpha(this.text[end] ?? "")) end++;
    const word = this.text.slice(start, end).toLowerCase();
    if (!DURATION_WORDS.has(word)) return false;
    this.at = end;
    return this.emit("preprocessor", start, word);
  }

  private keywordOrIdentifier(): true {
    const start = this.at;
    while (isAlphaNumeric(this.text[this.at] ?? "") || this.text[this.at] === ":") this.at++;
    const word = this.text.slice(start, this.at);
    const lower = word.toLowerCase();
    const kind = WORDS.get(lower);
    if (kind === undefined) return this.emit(word.includes(":") ? "metric" : "identifier", start);
    // These were added late: they are plain names unless a parenthesis follows.
    if (lower.startsWith("fill") && !/^\s*\(/.test(this.text.slice(this.at, this.at + 200)))
      return this.emit("identifier", start);
    return this.emit(kind, start, kind === "number" ? "" : lower);
  }

  private duration(): boolean {
    const c = this.char();
    const start = this.at;
    if (c === "") throw new LexError("unexpected end of input in duration expression", start);
    if (c === "]") {
      this.inBrackets = false;
      this.inDuration = false;
      return this.symbol("symbol", c);
    }
    if (c === ":") {
      this.symbol("symbol", c);
      if (!this.gotDuration) {
        this.tokens.pop();
        throw new LexError("unexpected colon before duration in duration expression", this.at);
      }
      this.gotColon = true;
      return true;
    }
    if (c === "(" || c === ")") return this.paren(c);
    if ("+-*/%^".includes(c)) return this.symbol("operator", c);
    if (c === ",") return this.symbol("symbol", c);
    if (isAlpha(c) && this.durationWord()) return true;
    if (isDigit(c) || (c === "." && isDigit(this.char(1)))) {
      this.gotDuration = true;
      this.inDuration = false;
      return this.numberOrDuration();
    }
    throw new LexError(`unexpected character in duration expression: ${goQuoteRune(c)}`, start);
  }

  private braces(): boolean {
    const c = this.char();
    const start = this.at;
    if (c === "") throw new LexError("unexpected end of input inside braces", start);
    if (isAlpha(c)) {
      while (isAlphaNumeric(this.text[this.at] ?? "")) this.at++;
      return this.emit("identifier", start);
    }
    if (c === ",") return this.symbol("symbol", c);
    if (c === '"' || c === "'" || c === "`") return this.string();
    if (c === "=") return this.symbol(...matchOp(this.char(1) === "~" ? "=~" : "="));
    if (c === "!") {
      const next = this.char(1);
      if (next === "~" || next === "=") return this.symbol("operator", `!${next}`);
      const shown = next === "" ? "'\\uffff'" : goQuoteRune(next);
      throw new LexError(`unexpected character after '!' inside braces: ${shown}`, start);
    }
    if (c === "{") throw new LexError("unexpected left brace '{'", start);
    if (c === "}") {
      this.inBraces = false;
      return this.symbol("symbol", c);
    }
    throw new LexError(`unexpected character inside braces: ${goQuoteRune(c)}`, start);
  }

  private string(): true {
    const start = this.at;
    const { text } = this;
    const mark = text[start];
    this.at++;
    for (;;) {
      const c = text[this.at];
      if (c === undefined || (c === "\n" && mark !== "`"))
        throw new LexError(
          mark === "`" ? "unterminated raw string" : "unterminated quoted string",
          start,
        );
      this.at++;
      if (c === mark) return this.emit("string", start);
      if (c === "\\" && mark !== "`") this.escape(start, mark as string);
    }
  }

  private escape(start: number, mark: string): void {
    const c = this.char();
    if (c === "") throw new LexError("escape sequence not terminated", start);
    if ("abfnrtv\\".includes(c) || c === mark) {
      this.at++;
      return;
    }
    const forms: { readonly [c: string]: readonly [digits: number, base: number] } = {
      x: [2, 16],
      u: [4, 16],
      U: [8, 16],
    };
    const form = isDigit(c) && c < "8" ? ([3, 8] as const) : forms[c];
    if (form === undefined) throw new LexError(`unknown escape sequence ${runeName(c)}`, start);
    const [digits, base] = form;
    if (base === 16) this.at++;
    let code = 0;
    for (let i = 0; i < digits; i++) {
      const digit = this.char();
      if (digit === "") throw new LexError("escape sequence not terminated", start);
      const value = /^[0-9a-fA-F]$/.test(digit) ? Number.parseInt(digit, 16) : 16;
      if (value >= base)
        throw new LexError(`illegal character ${runeName(digit)} in escape sequence`, start);
      code = code * base + value;
      this.at++;
    }
    const max = digits < 4 ? 255 : 0x10ffff;
    if (code > max || (code >= 0xd800 && code < 0xe000))
      throw new LexError("escape sequence is an invalid Unicode code point", start);
  }

  private numberOrDuration(): true {
    const start = this.at;
    const scan = new NumberScan(this.text, start);
    if (scan.number()) {
      this.at = scan.at;
      return this.emit("number", start);
    }
    if (scan.duration()) {
      this.at = scan.at;
      return this.emit("duration", start);
    }
    const shown = goQuote(this.text.slice(start, scan.at));
    throw new LexError(`bad number or duration syntax: ${shown}`, start);
  }
}

function matchOp(text: string): [kind: TokenKind, text: string] {
  return [text === "=" ? "symbol" : "operator", text];
}

function runeName(c: string): string {
  const code = (c.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  return `U+${code} '${c}'`;
}

/** Reads numbers as Prometheus does, also how far it gets with a wrong one: the message shows it. */
class NumberScan {
  at: number;
  private readonly text: string;

  constructor(text: string, start: number) {
    this.text = text;
    this.at = start;
  }

  private is(set: string): boolean {
    const c = this.text[this.at];
    return c !== undefined && set.includes(c);
  }

  private accept(set: string): boolean {
    if (!this.is(set)) return false;
    this.at++;
    return true;
  }

  number(): boolean {
    const start = this.at;
    let digits = "0123456789";
    if (this.accept("0") && this.accept("xX")) {
      this.accept("_");
      digits = "0123456789abcdefABCDEF";
    }
    this.accept(".");
    this.accept(digits);
    let dot = false;
    let exponent = false;
    while (this.is(`${digits}._eE`)) {
      if (this.is(".") && dot) {
        this.at++;
        return false;
      }
      if (this.is("eE") && exponent) {
        this.at++;
        return false;
      }
      if (this.accept(".")) {
        dot = true;
        if (this.accept("_.") || digits.length > 10) return false;
      } else if (this.accept("eE")) {
        exponent = true;
        this.accept("+-");
        if (this.accept("._eE") || this.at >= this.text.length) return false;
      } else if (this.accept("_")) {
        if (this.accept("._eE") || this.at >= this.text.length) return false;
      } else {
        while (this.accept(digits)) {
          // A run of digits.
        }
      }
    }
    return this.at > start && !isAlphaNumeric(this.text[this.at] ?? "");
  }

  duration(): boolean {
    if (!this.accept("smhdwy")) return false;
    this.accept("s");
    while (this.accept("0123456789")) {
      while (this.accept("0123456789")) {
        // A run of digits.
      }
      if (!this.accept("smhdw")) return false;
      this.accept("s");
    }
    if (!isAlphaNumeric(this.text[this.at] ?? "")) return true;
    this.at++;
    return false;
  }
}

/** The value of a `string` token; its escapes were checked by the lexer. Throws when they make no valid UTF-8. */
export function stringValue(token: Token): string {
  try {
    return readQuoted(token.text, 0).value;
  } catch (error) {
    throw invalidAt(token.start, (error as Error).message);
  }
}

/** A token in messages. */
export function describeToken(token: Token): string {
  const { text } = token;
  switch (token.kind) {
    case "end":
      return "end of input";
    case "keyword":
      return `<${text}>`;
    case "operator":
      return `<op:${text}>`;
    case "aggregator":
      return `<aggr:${text}>`;
    case "symbol":
    case "preprocessor":
      return goQuote(text);
    case "metric":
      return `metric identifier ${goQuote(text)}`;
    case "identifier":
      return `identifier ${goQuote(text)}`;
    default: {
      const cut = [...text];
      const shown = cut.length > 10 ? `${goQuote(cut.slice(0, 10).join(""))}...` : goQuote(text);
      return `${token.kind} ${shown}`;
    }
  }
}
