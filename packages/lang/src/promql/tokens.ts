/** The parser's way through the tokens: looking ahead, expecting, and saying what was not expected. */
import { invalidAt } from "../source.ts";
import type { PromqlExpr } from "./ast.ts";
import { describeToken, type Token } from "./lexer.ts";

/** Each level costs some frames of the stack, in the parser and in the evaluator. */
const DEPTH_MAX = 500;

export class TokenStream {
  readonly text: string;
  /** Where the last number, duration or closing bracket ended. */
  closed = 0;
  /** How many aggregations are open: their mistakes are told so. */
  protected aggregations = 0;
  private at = 0;
  private depth = 0;
  private readonly depths = new WeakMap<PromqlExpr, number>();
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[], text: string) {
    this.tokens = tokens;
    this.text = text;
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    const closes = token.kind === "number" || token.kind === "duration";
    if (closes || (token.kind === "symbol" && /^[)\]}]$/.test(token.name))) this.closed = token.end;
    return token;
  }

  isSymbol(name: string): boolean {
    const token = this.peek();
    return token.kind === "symbol" && token.name === name;
  }

  isOp(name: string): boolean {
    const token = this.peek();
    return token.kind === "operator" && token.name === name;
  }

  isKeyword(name: string): boolean {
    const token = this.peek();
    return token.kind === "keyword" && token.name === name;
  }

  expectSymbol(name: string, context?: string, expected?: string): Token {
    if (!this.isSymbol(name)) throw this.unexpected(context, expected);
    return this.next();
  }

  unexpected(context = this.aggregations > 0 ? "aggregation" : "", expected = ""): Error {
    const token = this.peek();
    if (token.kind === "error") return invalidAt(token.start, token.text);
    const inside = context === "" ? "" : ` in ${context}`;
    const wanted = expected === "" ? "" : `, expected ${expected}`;
    return invalidAt(token.start, `unexpected ${describeToken(token)}${inside}${wanted}`);
  }

  enter(): void {
    if (++this.depth > DEPTH_MAX) throw this.tooDeep();
  }

  leave(): void {
    this.depth--;
  }

  /** Notes how deep the tree below `node` is; loops of the parser make trees deep too. */
  deeper<T extends PromqlExpr>(node: T): T {
    const below = (child: PromqlExpr | undefined): number =>
      child === undefined ? 0 : (this.depths.get(child) ?? 0);
    const depth =
      1 +
      (node.kind === "binary"
        ? Math.max(below(node.left), below(node.right))
        : node.kind === "call"
          ? Math.max(0, ...node.args.map(below))
          : node.kind === "aggregate" || node.kind === "subquery"
            ? below(node.expr)
            : 0);
    if (depth > DEPTH_MAX) throw this.tooDeep();
    this.depths.set(node, depth);
    return node;
  }

  private tooDeep(): Error {
    return invalidAt(this.peek().start, `the query is nested deeper than ${DEPTH_MAX} levels`);
  }
}
