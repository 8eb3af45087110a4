/**
 * The strict parser of PromQL: vector selectors, numbers and strings so far. What else the language has is recognised
 * and refused as `query_unsupported`; what is not PromQL is `query_invalid`. Both carry the offset.
 */
import { isMatchOp, type Matcher } from "../matcher.ts";
import { checkSource, invalidAt, type Span, shown, unsupportedAt } from "../source.ts";
import type { NumberLiteral, PromqlExpr, VectorSelector } from "./ast.ts";
import { lexPromql, type Token } from "./lexer.ts";

const BINARY = new Set("+ - * / % ^ == != > < >= <= and or unless atan2".split(" "));
const AGGREGATIONS = new Set(
  "sum avg min max count stddev stdvar topk bottomk count_values quantile group limitk limit_ratio".split(
    " ",
  ),
);
/** Words that are never a metric's name. */
const RESERVED = new Set("bool on ignoring group_left group_right atan2".split(" "));

/** A whole query. */
export function parsePromql(text: string): PromqlExpr {
  checkSource(text);
  const parser = new PromqlParser(lexPromql(text));
  const expr = parser.primary();
  parser.end();
  return expr;
}

/** A selector alone, as the `match[]` parameters of the HTTP API take it. */
export function parseSeriesSelector(text: string): VectorSelector {
  const expr = parsePromql(text);
  if (expr.kind !== "vector_selector")
    throw invalidAt(expr.span.start, 'this must be a series selector such as up{job="shop"}');
  return expr;
}

class PromqlParser {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  private next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  private isSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "symbol" && token.text === text;
  }

  primary(): PromqlExpr {
    const token = this.peek();
    if (token.kind === "end") throw invalidAt(token.start, "the query is empty");
    if (token.kind === "string") {
      this.next();
      return { kind: "string", value: token.string, span: spanOf(token, token) };
    }
    const literal = this.number();
    if (literal !== undefined) return literal;
    if (token.kind === "name") return this.named();
    if (token.text === "{") return this.selector("", token);
    if (token.text === "(") throw unsupportedAt(token.start, "an expression in parentheses");
    if (token.text === "+" || token.text === "-")
      throw unsupportedAt(token.start, `the unary operator ${token.text}`);
    throw unexpected(token);
  }

  private number(): NumberLiteral | undefined {
    const first = this.peek();
    const signed = this.isSymbol("+") || this.isSymbol("-");
    const token = signed ? this.peek(1) : first;
    const value = numberOf(token);
    if (value === undefined) return undefined;
    this.at += signed ? 2 : 1;
    return {
      kind: "number",
      value: first.text === "-" ? -value : value,
      span: spanOf(first, token),
    };
  }

  private named(): PromqlExpr {
    const token = this.next();
    const { text } = token;
    if (this.isSymbol("("))
      throw unsupportedAt(
        token.start,
        AGGREGATIONS.has(text) ? `the aggregation ${text}` : `the function ${shown(text)}`,
      );
    const after = this.peek();
    if (AGGREGATIONS.has(text) && (after.text === "by" || after.text === "without"))
      throw unsupportedAt(token.start, `the aggregation ${text}`);
    if (RESERVED.has(text)) throw unexpected(token);
    if (this.isSymbol("{")) return this.selector(text, token);
    return { kind: "vector_selector", name: text, matchers: [], span: spanOf(token, token) };
  }

  private selector(name: string, first: Token): VectorSelector {
    this.next();
    const matchers: Matcher[] = [];
    let found = name;
    while (!this.isSymbol("}")) {
      const item = this.next();
      if (item.kind === "string" && (this.isSymbol(",") || this.isSymbol("}"))) {
        if (item.string === "") throw invalidAt(item.start, "a metric's name cannot be empty");
        if (found !== "") throw twice(item, found, item.string);
        found = item.string;
      } else {
        matchers.push(this.matcher(item));
      }
      if (!this.isSymbol(",")) break;
      this.next();
    }
    const close = this.next();
    if (close.text !== "}" || close.kind !== "symbol") throw unexpected(close, 'a "," or "}"');
    const again = matchers.find((candidate) => found !== "" && candidate.name === "__name__");
    if (again !== undefined) throw twice({ start: again.span.start }, found, again.value);
    if (found === "" && matchers.every(cannotSelect))
      throw invalidAt(
        first.start,
        "the selector must have a name or a matcher that asks for a value",
      );
    return { kind: "vector_selector", name: found, matchers, span: spanOf(first, close) };
  }

  private matcher(name: Token): Matcher {
    const isName = name.kind === "name" && !name.text.includes(":");
    if (!isName && name.kind !== "string") throw unexpected(name, "a label name");
    const op = this.next();
    if (op.kind !== "symbol" || !isMatchOp(op.text)) throw unexpected(op, "one of =, !=, =~, !~");
    const value = this.next();
    if (value.kind !== "string") throw unexpected(value, "a quoted value");
    return {
      name: name.kind === "string" ? name.string : name.text,
      op: op.text,
      value: value.string,
      span: spanOf(name, value),
      valueSpan: spanOf(value, value),
    };
  }

  /** Makes sure that nothing is left. */
  end(): void {
    const token = this.peek();
    if (token.kind === "end") return;
    if (BINARY.has(token.text) && token.kind !== "string")
      throw unsupportedAt(token.start, `the binary operator ${token.text}`);
    if (token.text === "[") throw unsupportedAt(token.start, "a range selector");
    if (token.text === "@") throw unsupportedAt(token.start, "the @ modifier");
    if (token.text === "offset") throw unsupportedAt(token.start, "the offset modifier");
    throw unexpected(token, "the end of the query");
  }
}

/** Whether a matcher takes a label that is not there for sure; patterns are looked at where they are compiled. */
function cannotSelect(matcher: Matcher): boolean {
  return matcher.op === "=" ? matcher.value === "" : matcher.op === "!=" && matcher.value !== "";
}

function numberOf(token: Token): number | undefined {
  if (token.kind === "number") return token.number;
  if (token.kind !== "name") return undefined;
  if (/^inf$/i.test(token.text)) return Number.POSITIVE_INFINITY;
  return /^nan$/i.test(token.text) ? Number.NaN : undefined;
}

function twice(at: { readonly start: number }, first: string, second: string): Error {
  return invalidAt(
    at.start,
    `the metric's name is set twice: ${shown(first)} and ${shown(second)}`,
  );
}

function unexpected(token: Token, wanted?: string): Error {
  const what = token.kind === "end" ? "end of the query" : shown(token.text);
  return invalidAt(
    token.start,
    wanted === undefined ? `unexpected ${what}` : `unexpected ${what} where ${wanted} belongs`,
  );
}

const spanOf = (first: Span, last: Span): Span => ({ start: first.start, end: last.end });
