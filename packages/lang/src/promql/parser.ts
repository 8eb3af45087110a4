/**
 * The strict parser of PromQL: recursive descent with precedence climbing. What is wrong is `query_invalid` with the
 * offset of the first mistake and Prometheus's words. Types are checked after the syntax.
 */
import type { Matcher, MatchOp } from "../matcher.ts";
import { checkSource, invalidAt } from "../source.ts";
import {
  type Aggregate,
  type AggregationOp,
  type AtTime,
  type BinaryOp,
  type NumberLiteral,
  paramOps,
  type PromqlExpr,
  type VectorMatching,
  type VectorSelector,
} from "./ast.ts";
import { checkTypes } from "./check.ts";
import { DurationParser, durationValueMs } from "./duration-parser.ts";
import { functionNamed } from "./functions/registry.ts";
import { goQuote } from "./go-format.ts";
import { lexPromql, stringValue, type Token } from "./lexer.ts";
import { anchorAt, offsetBy, extendBy } from "./modifiers.ts";
import type { CompileRegex } from "./regex.ts";
import { TokenStream } from "./tokens.ts";
import { binaryOperators } from "./words.ts";

export interface ParseOptions {
  /** Tells whether patterns are right and match the empty text; without it they are not looked into. */
  readonly compileRegex?: CompileRegex | undefined;
}

/** A whole query. */
export function parsePromql(text: string, options: ParseOptions = {}): PromqlExpr {
  checkSource(text);
  const tokens = lexPromql(text);
  const first = tokens[0];
  if (first === undefined || first.kind === "end")
    throw invalidAt(0, "no expression found in input");
  const parser = new PromqlParser(tokens, text);
  const expr = parser.expression(0);
  parser.end();
  return checkTypes(expr, { text, compileRegex: options.compileRegex });
}

/** A selector alone, as the `match[]` parameters of the HTTP API take it: without times, and nothing around it. */
export function parseSeriesSelector(text: string, options: ParseOptions = {}): VectorSelector {
  checkSource(text);
  const parser = new PromqlParser(lexPromql(text), text);
  const selector = parser.seriesSelector();
  parser.end();
  return checkTypes(selector, { text, compileRegex: options.compileRegex });
}

const PRECEDENCE: ReadonlyMap<string, number> = new Map(
  binaryOperators.map(({ name, precedence }) => [name, precedence]),
);
const UNARY = 5;

/** Words that are never a metric's name. */
const RESERVED = new Set(["bool", "on", "ignoring", "group_left", "group_right", "atan2"]);

/** What a metric's name may look like. */
const WORD_KINDS: ReadonlySet<string> = new Set([
  ...["identifier", "metric", "keyword", "aggregator", "preprocessor"],
]);

class PromqlParser extends TokenStream {
  private readonly durations: DurationParser;

  constructor(tokens: readonly Token[], text: string) {
    super(tokens, text);
    this.durations = new DurationParser(this);
  }

  expression(minPrecedence: number): PromqlExpr {
    this.enter();
    let left = this.unary();
    for (;;) {
      const token = this.peek();
      const precedence = token.kind === "operator" ? PRECEDENCE.get(token.name) : undefined;
      if (precedence === undefined || precedence < minPrecedence) break;
      this.next();
      const op = token.name as BinaryOp;
      const { matching, bool } = this.modifiers();
      // `^` groups to the right, the others to the left.
      const right = this.expression(op === "^" ? precedence : precedence + 1);
      const span = { start: left.span.start, end: right.span.end };
      left = this.deeper({ kind: "binary", op, left, right, bool, matching, span });
    }
    this.leave();
    return left;
  }

  private unary(): PromqlExpr {
    const token = this.peek();
    if (!this.isOp("+") && !this.isOp("-")) return this.postfix(this.primary());
    this.next();
    const expr = this.expression(UNARY + 1);
    const span = { start: token.start, end: expr.span.end };
    if (expr.kind === "number")
      return { ...expr, value: token.name === "-" ? -expr.value : expr.value, span };
    return { kind: "unary", op: token.name as "+" | "-", expr, span };
  }

  private primary(): PromqlExpr {
    const token = this.peek();
    const span = { start: token.start, end: token.end };
    switch (token.kind) {
      case "string":
        this.next();
        return { kind: "string", value: stringValue(token), span };
      case "number":
      case "duration":
        return this.number();
      case "identifier":
      case "metric":
      case "keyword":
      case "aggregator":
      case "preprocessor":
        return this.named();
      case "operator":
        if (token.name === "and" || token.name === "or" || token.name === "unless")
          return this.named();
        throw this.unexpected();
      default:
        if (token.name === "{") return this.selector("", token);
        if (token.name === "(") return this.parenthesised();
        throw this.unexpected();
    }
  }

  seriesSelector(): VectorSelector {
    const token = this.peek();
    if (token.kind === "symbol" && token.name === "{") return this.selector("", token);
    const isSetOp = token.kind === "operator" && /^(?:and|or|unless)$/.test(token.name);
    if (RESERVED.has(token.name) || !(WORD_KINDS.has(token.kind) || isSetOp))
      throw this.unexpected();
    this.next();
    if (this.isSymbol("{")) return this.selector(token.text, token);
    const span = { start: token.start, end: token.end };
    return { kind: "vector_selector", name: token.text, matchers: [], offsetMs: 0, span };
  }

  private parenthesised(): PromqlExpr {
    const open = this.next();
    const expr = this.expression(0);
    const close = this.expectSymbol(")");
    return { kind: "paren", expr, span: { start: open.start, end: close.end } };
  }

  private named(): PromqlExpr {
    const token = this.peek();
    if (RESERVED.has(token.name)) throw this.unexpected();
    this.next();
    const after = this.peek();
    if (token.kind === "aggregator" && this.beginsAggregation(after)) return this.aggregate(token);
    const callable = token.kind === "identifier" || token.kind === "preprocessor";
    if (callable && this.isSymbol("(")) return this.call(token);
    if (this.isSymbol("{")) return this.selector(token.text, token);
    const span = { start: token.start, end: token.end };
    return { kind: "vector_selector", name: token.text, matchers: [], offsetMs: 0, span };
  }

  private beginsAggregation(after: Token): boolean {
    return this.isSymbol("(") || after.name === "by" || after.name === "without";
  }

  private call(name: Token): PromqlExpr {
    const args = this.args();
    const span = { start: name.start, end: this.closed };
    const func = functionNamed(name.text);
    if (func === undefined)
      throw invalidAt(name.start, `unknown function with name ${goQuote(name.text)}`);
    return this.deeper({ kind: "call", func, args, span });
  }

  private args(anyBytes = false): PromqlExpr[] {
    this.expectSymbol("(");
    const args: PromqlExpr[] = [];
    const label = anyBytes ? this.bytes() : undefined;
    if (label !== undefined) {
      args.push(label);
      this.expectSymbol(",");
    }
    if (!this.isSymbol(")")) {
      args.push(this.expression(0));
      while (this.isSymbol(",")) {
        const comma = this.next();
        const after = this.peek();
        if (!this.beginsExpression(after))
          throw invalidAt(comma.start, "trailing commas not allowed in function call args");
        if (after.kind === "error") throw this.unexpected();
        args.push(this.expression(0));
      }
    }
    this.expectSymbol(")");
    return args;
  }

  /** Also an error of the lexer and the end, which have words of their own. */
  private beginsExpression({ kind, name }: Token): boolean {
    if (kind === "operator") return /^(?:[-+]|and|or|unless)$/.test(name);
    if (kind === "keyword") return name !== "bool";
    return kind !== "symbol" || name === "(" || name === "{";
  }

  /** A string whose escapes make no valid UTF-8: it stands for itself as it is written. */
  private bytes(): PromqlExpr | undefined {
    const token = this.peek();
    if (token.kind !== "string") return undefined;
    try {
      stringValue(token);
      return undefined;
    } catch {
      this.next();
      const span = { start: token.start, end: token.end };
      return { kind: "string", value: "", written: token.text, span };
    }
  }

  private aggregate(token: Token): PromqlExpr {
    const op = token.name as AggregationOp;
    this.aggregations++;
    let clause = this.groupingClause();
    // An impossible label name is a failure of the query, not a mistake in its text.
    const args = this.args(op === "count_values");
    let end = this.closed;
    if (clause === undefined) {
      clause = this.groupingClause();
      if (clause !== undefined) end = this.closed;
    }
    this.aggregations--;
    const span = { start: token.start, end };
    const wanted = paramOps.has(op) ? 2 : 1;
    if (args.length === 0)
      throw invalidAt(span.start, "no arguments for aggregate expression provided");
    if (args.length !== wanted)
      throw invalidAt(
        span.start,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    const grouping = clause?.labels ?? [];
    const without = clause?.without ?? false;
    const node: Aggregate = {
      kind: "aggregate",
      op,
      expr: args[wanted - 1] as PromqlExpr,
      param: wanted === 2 ? args[0] : undefined,
      grouping,
      without,
      span,
    };
    return this.deeper(node);
  }

  private groupingClause(): { labels: string[]; without: boolean } | undefined {
    const { name, kind } = this.peek();
    if (kind !== "keyword" || (name !== "by" && name !== "without")) return undefined;
    this.next();
    return { labels: this.labelList(), without: name === "without" };
  }

  private labelList(): string[] {
    if (!this.isSymbol("(")) throw this.unexpected("grouping opts", '"("');
    this.next();
    const labels: string[] = [];
    while (!this.isSymbol(")")) {
      labels.push(this.groupingLabel());
      if (this.isSymbol(",")) this.next();
      else if (!this.isSymbol(")")) throw this.unexpected("grouping opts", '"," or ")"');
    }
    this.next();
    return labels;
  }

  private groupingLabel(): string {
    const token = this.peek();
    if (token.kind === "string") {
      this.next();
      const label = stringValue(token);
      if (label === "")
        throw invalidAt(token.start, `invalid label name for grouping: ${goQuote(label)}`);
      return label;
    }
    const isWord = /^[a-zA-Z_:]/.test(token.text) && token.kind !== "number";
    if (!isWord || token.kind === "error") throw this.unexpected("grouping opts", "label");
    this.next();
    return token.text;
  }

  private modifiers(): { matching: VectorMatching; bool: boolean } {
    const bool = this.isKeyword("bool");
    if (bool) this.next();
    let matching: VectorMatching = { card: "one-to-one", labels: [], on: false, include: [] };
    if (this.isKeyword("on") || this.isKeyword("ignoring")) {
      const on = this.next().name === "on";
      matching = { ...matching, on, labels: this.labelList() };
      if (this.isKeyword("group_left") || this.isKeyword("group_right")) {
        const card = this.next().name === "group_left" ? "many-to-one" : "one-to-many";
        matching = { ...matching, card, include: this.isSymbol("(") ? this.labelList() : [] };
      }
    }
    return { matching: this.fills(matching), bool };
  }

  private fills(given: VectorMatching): VectorMatching {
    if (this.isKeyword("fill")) {
      this.next();
      const value = this.fillValue();
      return { ...given, fillLeft: value, fillRight: value };
    }
    let matching = given;
    for (let i = 0; i < 2; i++) {
      if (matching.fillLeft === undefined && this.isKeyword("fill_left")) {
        this.next();
        matching = { ...matching, fillLeft: this.fillValue() };
      } else if (matching.fillRight === undefined && this.isKeyword("fill_right")) {
        this.next();
        matching = { ...matching, fillRight: this.fillValue() };
      }
    }
    return matching;
  }

  private fillValue(): number {
    this.expectSymbol("(");
    const sign = this.isOp("-") ? -1 : 1;
    if (this.isOp("-") || this.isOp("+")) this.next();
    const { value } = this.number();
    this.expectSymbol(")");
    return sign * value;
  }

  private selector(name: string, first: Token): VectorSelector {
    this.next();
    const matchers: Matcher[] = [];
    while (!this.isSymbol("}")) {
      matchers.push(this.matcher());
      if (this.isSymbol(",")) this.next();
      else if (!this.isSymbol("}")) throw this.unexpected("label matching", '"," or "}"');
    }
    const close = this.next();
    const span = { start: first.start, end: close.end };
    return { kind: "vector_selector", name, matchers, offsetMs: 0, span };
  }

  private matcher(): Matcher {
    const label = this.peek();
    if (label.kind !== "identifier" && label.kind !== "string")
      throw this.unexpected("label matching", 'identifier or "}"');
    this.next();
    const name = label.kind === "string" ? stringValue(label) : label.text;
    const op = this.peek();
    const span = { start: label.start, end: label.end };
    if (!MATCH_OPS.has(op.name)) {
      if (label.kind === "string")
        return { name: "__name__", op: "=", value: name, span, valueSpan: span };
      throw this.unexpected("label matching", "label matching operator");
    }
    this.next();
    const value = this.peek();
    if (value.kind !== "string") throw this.unexpected("label matching", "string");
    this.next();
    return {
      name,
      op: op.name as MatchOp,
      value: stringValue(value),
      span: { start: label.start, end: value.end },
      valueSpan: { start: value.start, end: value.end },
    };
  }

  /** What may follow an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`. */
  private postfix(first: PromqlExpr): PromqlExpr {
    let expr = first;
    for (;;) {
      if (this.isSymbol("[")) expr = this.range(expr);
      else if (this.isKeyword("offset")) expr = this.offset(expr);
      else if (this.isOp("@")) expr = this.atTime(expr);
      else if (this.isKeyword("anchored") || this.isKeyword("smoothed"))
        expr = extendBy(expr, this.next().name as "anchored" | "smoothed");
      else return expr;
    }
  }

  private range(expr: PromqlExpr): PromqlExpr {
    const open = this.next();
    const wanted = "number, duration, step(), or range()";
    if (!this.durations.begins()) throw this.unexpected("subquery or range selector", wanted);
    const range = this.durations.positive();
    const rangeMs = durationValueMs(range);
    const rangeExpr = range.kind === "duration" ? range : undefined;
    if (this.isSymbol(":")) return this.subquery(expr, { rangeMs, rangeExpr });
    if (!this.isSymbol("]")) throw this.unexpected("subquery or range", '":" or "]"');
    this.next();
    const span = { start: expr.span.start, end: this.closed };
    if (expr.kind !== "vector_selector")
      throw invalidAt(open.start, "ranges only allowed for vector selectors");
    if (expr.offsetMs !== 0 || expr.offsetExpr !== undefined)
      throw invalidAt(open.start, "no offset modifiers allowed before range");
    if (expr.at !== undefined) throw invalidAt(open.start, "no @ modifiers allowed before range");
    return { kind: "matrix_selector", selector: expr, rangeMs, rangeExpr, span };
  }

  private subquery(
    expr: PromqlExpr,
    range: Pick<Extract<PromqlExpr, { kind: "subquery" }>, "rangeMs" | "rangeExpr">,
  ): PromqlExpr {
    this.next();
    const context = "subquery selector";
    let interval: ReturnType<DurationParser["positive"]> | undefined;
    if (!this.isSymbol("]")) {
      if (!this.durations.begins())
        throw this.unexpected(context, 'number, duration, step(), range(), or "]"');
      interval = this.durations.positive();
    }
    if (!this.isSymbol("]")) throw this.unexpected(context, '"]"');
    const close = this.next();
    return this.deeper({
      kind: "subquery",
      expr,
      ...range,
      intervalMs: interval === undefined ? 0 : durationValueMs(interval),
      intervalExpr: interval?.kind === "duration" ? interval : undefined,
      offsetMs: 0,
      span: { start: expr.span.start, end: close.end },
    });
  }

  private offset(expr: PromqlExpr): PromqlExpr {
    this.next();
    if (!this.durations.begins())
      throw this.unexpected("offset", "number, duration, step(), or range()");
    return offsetBy(expr, this.durations.offset(), this.closed);
  }

  private atTime(expr: PromqlExpr): PromqlExpr {
    this.next();
    const token = this.peek();
    if (token.name === "start" || token.name === "end") {
      this.next();
      this.expectSymbol("(", "@", "timestamp");
      this.expectSymbol(")", "@", "timestamp");
      return anchorAt(expr, token.name as AtTime, this.closed);
    }
    const signed = this.isOp("+") || this.isOp("-");
    const sign = this.isOp("-") ? -1 : 1;
    if (signed) this.next();
    if (this.peek().kind !== "number" && this.peek().kind !== "duration")
      throw this.unexpected("@", "timestamp");
    const seconds = sign * this.number().value;
    if (!Number.isFinite(seconds) || Math.abs(seconds) >= 2 ** 63) {
      const shown = Number.isFinite(seconds) ? seconds.toFixed(6) : goFloat(seconds);
      throw invalidAt(expr.span.start, `timestamp out of bounds for @ modifier: ${shown}`);
    }
    return anchorAt(expr, Math.round(seconds * 1000), this.closed);
  }

  number(): NumberLiteral {
    return this.durations.literal();
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.peek().kind !== "end") throw this.unexpected();
  }
}

const MATCH_OPS = new Set(["=", "!=", "=~", "!~"]);

function goFloat(value: number): string {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
