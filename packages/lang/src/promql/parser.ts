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
  const parser = createParser(lexPromql(text));
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

interface Parser {
  primary(): PromqlExpr;
  /** Makes sure that nothing is left. */
  end(): void;
}

function createParser(tokens: readonly Token[]): Parser {
  let at = 0;
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, tokens.length - 1)] as Token;
  const next = (): Token => {
    const token = peek();
    at++;
    return token;
  };
  const isSymbol = (text: string, ahead = 0): boolean => {
    const token = peek(ahead);
    return token.kind === "symbol" && token.text === text;
  };

  const primary = (): PromqlExpr => {
    const token = peek();
    if (token.kind === "end") throw invalidAt(token.start, "the query is empty");
    if (token.kind === "string") {
      next();
      return { kind: "string", value: token.string, span: spanOf(token, token) };
    }
    const literal = number();
    if (literal !== undefined) return literal;
    if (token.kind === "name") return named();
    if (token.text === "{") return selector("", token);
    if (token.text === "(") throw unsupportedAt(token.start, "an expression in parentheses");
    if (token.text === "+" || token.text === "-")
      throw unsupportedAt(token.start, `the unary operator ${token.text}`);
    throw unexpected(token);
  };

  const number = (): NumberLiteral | undefined => {
    const first = peek();
    const signed = isSymbol("+") || isSymbol("-");
    const token = signed ? peek(1) : first;
    const value = numberOf(token);
    if (value === undefined) return undefined;
    at += signed ? 2 : 1;
    return {
      kind: "number",
      value: first.text === "-" ? -value : value,
      span: spanOf(first, token),
    };
  };

  const named = (): PromqlExpr => {
    const token = next();
    const { text } = token;
    if (isSymbol("("))
      throw unsupportedAt(
        token.start,
        AGGREGATIONS.has(text) ? `the aggregation ${text}` : `the function ${shown(text)}`,
      );
    const after = peek();
    if (AGGREGATIONS.has(text) && (after.text === "by" || after.text === "without"))
      throw unsupportedAt(token.start, `the aggregation ${text}`);
    if (RESERVED.has(text)) throw unexpected(token);
    if (isSymbol("{")) return selector(text, token);
    return { kind: "vector_selector", name: text, matchers: [], span: spanOf(token, token) };
  };

  const selector = (name: string, first: Token): VectorSelector => {
    next();
    const matchers: Matcher[] = [];
    let found = name;
    while (!isSymbol("}")) {
      const item = next();
      if (item.kind === "string" && (isSymbol(",") || isSymbol("}"))) {
        if (item.string === "") throw invalidAt(item.start, "a metric's name cannot be empty");
        if (found !== "") throw twice(item, found, item.string);
        found = item.string;
      } else {
        matchers.push(matcher(item));
      }
      if (!isSymbol(",")) break;
      next();
    }
    const close = next();
    if (close.text !== "}" || close.kind !== "symbol") throw unexpected(close, 'a "," or "}"');
    const again = matchers.find((candidate) => found !== "" && candidate.name === "__name__");
    if (again !== undefined) throw twice({ start: again.span.start }, found, again.value);
    if (found === "" && matchers.every(cannotSelect))
      throw invalidAt(
        first.start,
        "the selector must have a name or a matcher that asks for a value",
      );
    return { kind: "vector_selector", name: found, matchers, span: spanOf(first, close) };
  };

  const matcher = (name: Token): Matcher => {
    const isName = name.kind === "name" && !name.text.includes(":");
    if (!isName && name.kind !== "string") throw unexpected(name, "a label name");
    const op = next();
    if (op.kind !== "symbol" || !isMatchOp(op.text)) throw unexpected(op, "one of =, !=, =~, !~");
    const value = next();
    if (value.kind !== "string") throw unexpected(value, "a quoted value");
    return {
      name: name.kind === "string" ? name.string : name.text,
      op: op.text,
      value: value.string,
      span: spanOf(name, value),
      valueSpan: spanOf(value, value),
    };
  };

  const end = (): void => {
    const token = peek();
    if (token.kind === "end") return;
    if (BINARY.has(token.text) && token.kind !== "string")
      throw unsupportedAt(token.start, `the binary operator ${token.text}`);
    if (token.text === "[") throw unsupportedAt(token.start, "a range selector");
    if (token.text === "@") throw unsupportedAt(token.start, "the @ modifier");
    if (token.text === "offset") throw unsupportedAt(token.start, "the offset modifier");
    throw unexpected(token, "the end of the query");
  };
  return { primary, end };
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
