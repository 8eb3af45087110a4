/** The parser's way through the tokens. Depth and size are bounded, so that no tree is too large to search with. */
import { invalidAt, type Span, shown } from "../source.ts";
import { lexKql, type Token } from "./lexer.ts";

/** Deeper than anyone types; each level is one of the statement that the store must read. */
const DEPTH_MAX = 50;
/** Each is looked for in several places, and the statement that the store reads has a bound. */
const CONDITIONS_MAX = 100;

export class TokenStream {
  private at = 0;
  private depth = 0;
  private conditions = 0;
  private readonly tokens: readonly Token[];

  constructor(text: string) {
    this.tokens = lexKql(text);
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  is(symbol: string): boolean {
    const token = this.peek();
    return token.kind === "symbol" && token.text === symbol;
  }

  take(symbol: string): boolean {
    if (!this.is(symbol)) return false;
    this.at++;
    return true;
  }

  /** Takes the sign that ends what `open` began. */
  close(open: Token, ...symbols: readonly string[]): Token {
    if (symbols.some((symbol) => this.is(symbol))) return this.next();
    if (this.peek().kind === "end")
      throw invalidAt(open.start, `${shown(open.text)} is not closed`);
    throw this.unexpected(symbols.map(shown).join(" or "));
  }

  spanFrom(start: number): Span {
    return { start, end: this.tokens[this.at - 1]?.end ?? start };
  }

  unexpected(wanted: string): Error {
    const token = this.peek();
    const what = token.kind === "end" ? "the end" : shown(token.text);
    return invalidAt(token.start, `unexpected ${what} where ${wanted} belongs`);
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.depth > DEPTH_MAX)
      throw invalidAt(this.peek().start, `the search is nested deeper than ${DEPTH_MAX} levels`);
    const out = parse();
    this.depth--;
    return out;
  }

  countCondition(): void {
    if (++this.conditions > CONDITIONS_MAX)
      throw invalidAt(this.peek().start, `the search has more than ${CONDITIONS_MAX} conditions`);
  }
}
