/** The reader over tokens that both parsers of LogQL share; its errors are in Loki's words, with the offset. */
import { isMatchOp, type Matcher } from "../matcher.ts";
import { invalidAt, type Span, shown } from "../source.ts";
import { lexLogql, type Token, type TokenKind } from "./lexer.ts";

const KIND_NAMES: { readonly [kind in TokenKind]?: string } = {
  name: "IDENTIFIER",
  string: "STRING",
  number: "NUMBER",
  duration: "DURATION",
  bytes: "BYTES",
  range: "RANGE",
  flag: "FUNCTION_FLAG",
};

export const spanOf = (first: Span, last: Span): Span => ({ start: first.start, end: last.end });

export class TokenReader {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(text: string) {
    this.tokens = lexLogql(text);
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  last(): Token {
    return this.tokens[Math.max(0, this.at - 1)] as Token;
  }

  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && token.kind !== "name" && token.kind !== "string";
  }

  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): Token {
    if (!this.is(text)) throw this.unexpected(text);
    return this.next();
  }

  expectKind(kind: TokenKind): Token {
    if (this.peek().kind !== kind) throw this.unexpected(KIND_NAMES[kind] ?? kind);
    return this.next();
  }

  unexpected(...wanted: readonly string[]): Error {
    const token = this.peek();
    const what = token.kind === "end" ? "$end" : (KIND_NAMES[token.kind] ?? token.text);
    const detail = token.kind === "name" || token.kind === "string" ? ` ${shown(token.text)}` : "";
    const expecting = wanted.length === 0 ? "" : `, expecting ${wanted.join(" or ")}`;
    return invalidAt(token.start, `syntax error: unexpected ${what}${detail}${expecting}`);
  }

  /** `name op "value"`, the operator being one of `=`, `!=`, `=~`, `!~`. */
  matcher(): Matcher {
    const name = this.expectKind("name");
    const op = this.peek();
    if (op.kind !== "symbol" || !isMatchOp(op.text)) throw this.unexpected("=", "!=", "=~", "!~");
    this.next();
    const value = this.expectKind("string");
    return {
      name: name.text,
      op: op.text as Matcher["op"],
      value: value.string,
      span: spanOf(name, value),
      valueSpan: spanOf(value, value),
    };
  }

  /** `(a, b)`, which may be empty. */
  names(): string[] {
    this.expect("(");
    const names: string[] = [];
    if (this.take(")")) return names;
    do names.push(this.expectKind("name").text);
    while (this.take(","));
    this.expect(")");
    return names;
  }
}
