/** Go's template text as tokens: text outside of `{{ }}`, and words, numbers, strings and signs within. */

export type TokenKind =
  | "text"
  | "left_delim"
  | "right_delim"
  | "space"
  | "identifier"
  | "keyword"
  | "bool"
  | "nil"
  | "dot"
  | "field"
  | "variable"
  | "number"
  | "char_constant"
  | "string"
  | "raw_string"
  | "char"
  | "assign"
  | "declare"
  | "pipe"
  | "left_paren"
  | "right_paren"
  | "error"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Character offset in the template. */
  readonly at: number;
  /** From 1. */
  readonly line: number;
}

const KEYWORDS = new Set([
  ...["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"],
]);
const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{Nd}_]*/uy;
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;

/** Never throws: what is wrong is the last token, of kind `error`. */
export function lexTemplate(text: string): Token[] {
  return new TemplateLexer(text).run();
}

class TemplateLexer {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;
  private parens = 0;

  constructor(text: string) {
    this.text = text;
  }

  run(): Token[] {
    while (this.outside());
    if (this.tokens.at(-1)?.kind !== "error") this.put("eof", this.text.length, this.text.length);
    return this.tokens;
  }

  private put(kind: TokenKind, start: number, end: number): true {
    const text = this.text.slice(start, end);
    this.tokens.push({ kind, text, at: start, line: this.line });
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) this.line++;
    this.at = end;
    return true;
  }

  private skip(end: number): void {
    for (let i = this.at; i < end; i++) if (this.text[i] === "\n") this.line++;
    this.at = end;
  }

  private fail(message: string): false {
    this.tokens.push({ kind: "error", text: message, at: this.at, line: this.line });
    return false;
  }

  /** Text up to and with the next action; false at the end. */
  private outside(): boolean {
    const { text } = this;
    const open = text.indexOf("{{", this.at);
    if (open < 0) {
      if (this.at < text.length) this.put("text", this.at, text.length);
      return false;
    }
    const trims = text[open + 2] === "-" && SPACE.test(text[open + 3] ?? "");
    let end = open;
    while (trims && end > this.at && SPACE.test(text[end - 1] ?? "")) end--;
    if (end > this.at) this.put("text", this.at, end);
    this.skip(open);
    const inside = open + (trims ? 4 : 2);
    if (text.startsWith("/*", inside)) return this.comment(inside);
    this.put("left_delim", open, open + 2);
    this.skip(inside);
    this.parens = 0;
    return this.action();
  }

  private comment(start: number): boolean {
    const close = this.text.indexOf("*/", start);
    if (close < 0) return this.fail("unclosed comment");
    this.skip(close + 2);
    const length = this.closeLength();
    if (length === 0) return this.fail("comment ends before closing delimiter");
    this.skip(this.at + length);
    if (length > 2) this.trimAfter();
    return true;
  }

  /** 2 for `}}`, 4 for ` -}}`, 0 when the action does not end here. */
  private closeLength(): number {
    const { text, at } = this;
    if (SPACE.test(text[at] ?? "") && text.startsWith("-}}", at + 1)) return 4;
    return text.startsWith("}}", at) ? 2 : 0;
  }

  private trimAfter(): void {
    let end = this.at;
    while (SPACE.test(this.text[end] ?? "")) end++;
    this.skip(end);
  }

  private action(): boolean {
    for (;;) {
      const length = this.closeLength();
      if (length > 0) {
        if (this.parens > 0) return this.fail("unclosed left paren");
        this.skip(this.at + length - 2);
        this.put("right_delim", this.at, this.at + 2);
        if (length > 2) this.trimAfter();
        return true;
      }
      if (!this.token()) return false;
    }
  }

  private token(): boolean {
    const { text, at } = this;
    const code = text.codePointAt(at);
    if (code === undefined) return this.fail("unclosed action");
    const c = String.fromCodePoint(code);
    if (SPACE.test(c)) return this.space();
    switch (c) {
      case "=":
        return this.put("assign", at, at + 1);
      case ":":
        return text[at + 1] === "=" ? this.put("declare", at, at + 2) : this.fail("expected :=");
      case "|":
        return this.put("pipe", at, at + 1);
      case '"':
        return this.quoted('"', "string", "unterminated quoted string");
      case "'":
        return this.quoted("'", "char_constant", "unterminated character constant");
      case "`": {
        const close = text.indexOf("`", at + 1);
        if (close < 0) return this.fail("unterminated raw quoted string");
        return this.put("raw_string", at, close + 1);
      }
      case "$":
        return this.fieldOrVariable("variable");
      case "(":
        this.parens++;
        return this.put("left_paren", at, at + 1);
      case ")":
        if (--this.parens < 0) return this.fail("unexpected right paren");
        return this.put("right_paren", at, at + 1);
    }
    if (c === "." && !/[0-9]/.test(text[at + 1] ?? "")) return this.fieldOrVariable("field");
    if (/[.+\-0-9]/.test(c)) return this.number();
    if (/[\p{L}\p{Nd}_]/u.test(c)) return this.identifier();
    if (code > 0x20 && code < 0x7f) return this.put("char", at, at + 1);
    return this.fail(`unrecognized character in action: ${unicodeName(code)}`);
  }

  private space(): boolean {
    let end = this.at;
    while (SPACE.test(this.text[end] ?? "")) {
      // The space before a trim marker belongs to the closing delimiter.
      if (this.text.startsWith("-}}", end + 1)) break;
      end++;
    }
    return end === this.at || this.put("space", this.at, end);
  }

  private quoted(quote: string, kind: TokenKind, wrong: string): boolean {
    for (let end = this.at + 1; ; end++) {
      const c = this.text[end];
      if (c === undefined || c === "\n") return this.fail(wrong);
      if (c === "\\") {
        end++;
        if (this.text[end] === undefined || this.text[end] === "\n") return this.fail(wrong);
      } else if (c === quote) return this.put(kind, this.at, end + 1);
    }
  }

  private wordEnd(start: number): number {
    WORD.lastIndex = start;
    return start + (WORD.exec(this.text)?.[0].length ?? 0);
  }

  private isTerminator(at: number): boolean {
    const c = this.text[at];
    return c === undefined || /[ \t\r\n.,|:()]/.test(c) || this.text.startsWith("}}", at);
  }

  private badCharacter(at: number): false {
    return this.fail(`bad character ${unicodeName(this.text.codePointAt(at) ?? 0)}`);
  }

  private fieldOrVariable(kind: "field" | "variable"): boolean {
    const { at } = this;
    if (this.isTerminator(at + 1)) return this.put(kind === "field" ? "dot" : kind, at, at + 1);
    const end = this.wordEnd(at + 1);
    return this.isTerminator(end) ? this.put(kind, at, end) : this.badCharacter(end);
  }

  private identifier(): boolean {
    const end = this.wordEnd(this.at);
    if (!this.isTerminator(end)) return this.badCharacter(end);
    const word = this.text.slice(this.at, end);
    const kind = KEYWORDS.has(word)
      ? "keyword"
      : word === "nil"
        ? "nil"
        : word === "true" || word === "false"
          ? "bool"
          : "identifier";
    return this.put(kind, this.at, end);
  }

  private number(): boolean {
    NUMBER.lastIndex = this.at;
    const end = this.at + (NUMBER.exec(this.text)?.[0].length ?? 0);
    const after = this.wordEnd(end);
    if (after === end && end > this.at) return this.put("number", this.at, end);
    const shown = this.text.slice(this.at, Math.max(end + 1, this.at + 1));
    return this.fail(`bad number syntax: ${JSON.stringify(shown)}`);
  }
}

/** Go's `%#U`. */
export function unicodeName(code: number): string {
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const c = String.fromCodePoint(code);
  const isPrinted = code === 0x20 || !/[\p{C}\p{Z}]/u.test(c);
  return isPrinted ? `${name} '${c}'` : name;
}
