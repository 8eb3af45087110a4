/** The parsers' way through the tokens. Depth and size are bounded, so that no tree is too deep to walk. */
import { invalidAt, type Span, shown } from "../source.ts";
import { lexTraceql, type Token } from "./lexer.ts";

const DEPTH_MAX = 200;
/** Chains such as `a && b && …` lean to the left: each operator is one level of the tree. */
const OPERATORS_MAX = 1_000;

export class TokenStream {
  readonly text: string;
  private at = 0;
  private depth = 0;
  private operators = 0;
  private readonly tokens: readonly Token[];

  constructor(text: string) {
    this.text = text;
    this.tokens = lexTraceql(text);
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  /** Where the last token that was taken ends. */
  get end(): number {
    return this.tokens[Math.max(0, this.at - 1)]?.end ?? 0;
  }

  from(start: number): Span {
    return { start, end: this.end };
  }

  is(symbol: string): boolean {
    const token = this.peek();
    return token.kind === "symbol" && token.text === symbol;
  }

  isName(name: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "name" && token.text === name;
  }

  take(symbol: string): boolean {
    if (!this.is(symbol)) return false;
    this.at++;
    return true;
  }

  expect(symbol: string): Token {
    if (!this.is(symbol)) throw this.unexpected(shown(symbol));
    return this.next();
  }

  unexpected(wanted: string): Error {
    const token = this.peek();
    const what = token.kind === "end" ? "end of the query" : shown(token.text);
    return invalidAt(token.start, `unexpected ${what} where ${wanted} belongs`);
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.depth > DEPTH_MAX)
      throw invalidAt(this.peek().start, `the query is nested deeper than ${DEPTH_MAX} levels`);
    try {
      return parse();
    } finally {
      this.depth--;
    }
  }

  countOperator(): void {
    if (++this.operators > OPERATORS_MAX)
      throw invalidAt(this.peek().start, `the query has more than ${OPERATORS_MAX} operators`);
  }
}
