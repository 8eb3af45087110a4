/** Numbers, durations, and arithmetic over them where PromQL takes a duration. */
import { invalidAt } from "../source.ts";
import type { DurationExpr, DurationOp, NumberLiteral } from "./ast.ts";
import { goQuote, parseDurationMs } from "./go-format.ts";
import type { Token } from "./lexer.ts";
import type { TokenStream } from "./tokens.ts";

export type DurationTree = NumberLiteral | DurationExpr;

const PRECEDENCE: { readonly [op: string]: number } = {
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  "^": 6,
};
const UNARY = 5;
/** Go's durations are nanoseconds in 64 bits. */
const SECONDS_MAX = 2 ** 63 / 1e9;

/** Milliseconds of a plain number of seconds; 0 for what is computed later. */
export function durationValueMs(tree: DurationTree): number {
  return tree.kind === "number" ? Math.round(tree.value * 1e9) / 1e6 : 0;
}

export class DurationParser {
  private readonly tokens: TokenStream;

  constructor(tokens: TokenStream) {
    this.tokens = tokens;
  }

  /** Whether a duration begins here. */
  begins(): boolean {
    const { kind, name } = this.tokens.peek();
    if (kind === "number" || kind === "duration") return true;
    if (kind === "operator") return name === "+" || name === "-";
    return (kind === "symbol" && name === "(") || (kind === "preprocessor" && isDurationCall(name));
  }

  literal(): NumberLiteral {
    const token = this.tokens.peek();
    const span = { start: token.start, end: token.end };
    if (token.kind === "number") {
      this.tokens.next();
      return { kind: "number", value: numberOf(token), span };
    }
    if (token.kind !== "duration") throw this.tokens.unexpected();
    this.tokens.next();
    try {
      return { kind: "number", value: parseDurationMs(token.text) / 1000, isDuration: true, span };
    } catch (error) {
      throw invalidAt(token.start, (error as Error).message);
    }
  }

  positive(): DurationTree {
    const tree = this.expression(0);
    if (tree.kind === "number" && tree.value <= 0)
      throw invalidAt(tree.span.start, "duration must be greater than 0");
    return tree;
  }

  /** After `offset`: a single term, or an expression that begins with a parenthesis. */
  offset(): DurationTree {
    const { tokens } = this;
    const first = tokens.peek();
    if (first.kind === "operator") {
      tokens.next();
      const term = tokens.isSymbol("(") ? this.kept(tokens.peek(), this.wrapped()) : this.term();
      return this.signed(first, term);
    }
    if (tokens.isSymbol("(")) return this.kept(first, this.climb(this.wrapped(), 0));
    return this.inRange(this.term());
  }

  private expression(minPrecedence: number): DurationTree {
    this.tokens.enter();
    const tree = this.climb(this.unary(), minPrecedence);
    this.tokens.leave();
    return tree;
  }

  private climb(first: DurationTree, minPrecedence: number): DurationTree {
    let left = first;
    for (;;) {
      const token = this.tokens.peek();
      const precedence = token.kind === "operator" ? PRECEDENCE[token.name] : undefined;
      if (precedence === undefined || precedence < minPrecedence) return left;
      this.tokens.next();
      const op = token.name as DurationOp;
      const right = this.expression(op === "^" ? precedence : precedence + 1);
      if (right.kind === "number" && right.value === 0 && (op === "/" || op === "%"))
        throw invalidAt(token.start, op === "/" ? "division by zero" : "modulo by zero");
      const span = { start: left.span.start, end: right.span.end };
      left = { kind: "duration", op, left, right, wrapped: false, span };
    }
  }

  private unary(): DurationTree {
    const token = this.tokens.peek();
    if (this.tokens.isOp("+") || this.tokens.isOp("-")) {
      this.tokens.next();
      return this.signed(token, this.expression(UNARY + 1));
    }
    return this.inRange(this.tokens.isSymbol("(") ? this.wrapped() : this.term());
  }

  private signed(sign: Token, tree: DurationTree): DurationTree {
    const span = { start: sign.start, end: tree.span.end };
    const negative = sign.name === "-";
    if (tree.kind === "number")
      return this.inRange({ ...tree, value: negative ? -tree.value : tree.value, span });
    return negative ? { kind: "duration", op: "-", right: tree, wrapped: false, span } : tree;
  }

  /** A number that is the whole offset keeps its parentheses when it is printed. */
  private kept(open: Token, tree: DurationTree): DurationTree {
    if (tree.kind !== "number") return tree;
    const span = { start: open.start, end: this.tokens.closed };
    return { kind: "duration", op: "+", right: tree, wrapped: true, span };
  }

  /** Parentheses around a number say nothing. */
  private wrapped(): DurationTree {
    this.tokens.expectSymbol("(");
    const tree = this.expression(0);
    this.tokens.expectSymbol(")");
    return tree.kind === "duration" ? { ...tree, wrapped: true } : tree;
  }

  private term(): DurationTree {
    const token = this.tokens.peek();
    if (token.kind !== "preprocessor" || !isDurationCall(token.name)) return this.literal();
    this.tokens.next();
    this.tokens.expectSymbol("(");
    const op = token.name as DurationOp;
    const isPair = op === "min_of" || op === "max_of";
    const left = isPair ? this.expression(0) : undefined;
    if (isPair) this.tokens.expectSymbol(",");
    const right = isPair ? this.expression(0) : undefined;
    const close = this.tokens.expectSymbol(")");
    // As in Prometheus: of two arguments, from the first to the second.
    const span = { start: left?.span.start ?? token.start, end: right?.span.end ?? close.end };
    return { kind: "duration", op, left, right, wrapped: false, span };
  }

  private inRange(tree: DurationTree): DurationTree {
    if (tree.kind === "number" && Math.abs(tree.value) > SECONDS_MAX)
      throw invalidAt(tree.span.start, "duration out of range");
    return tree;
  }
}

function isDurationCall(name: string): boolean {
  return name === "step" || name === "range" || name === "min_of" || name === "max_of";
}

/** Go's number syntax: hexadecimal, a leading 0 for octal, underscores between digits. */
function numberOf(token: Token): number {
  const text = token.text.replaceAll("_", "");
  if (/^inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  const parsing = `strconv.ParseFloat: parsing ${goQuote(token.text)}: value out of range`;
  throw invalidAt(token.start, `error parsing number: ${parsing}`);
}
