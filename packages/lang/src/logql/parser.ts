/**
 * The strict parser of LogQL. What is not LogQL is `query_invalid` with the offset; regular expressions, templates and
 * the patterns of stages are looked at by `checkLogql`.
 */
import type { Matcher } from "../matcher.ts";
import { checkSource, invalidAt, type Span } from "../source.ts";
import {
  type Grouping,
  type LogqlBinary,
  type LogqlBinaryOp,
  type LogqlExpr,
  type LogqlMatching,
  type LogqlQuery,
  type LogqlStage,
  type MetricExpr,
  type RangeOp,
  rangeOps,
  type Unwrap,
  type VectorOp,
  vectorOps,
} from "./ast.ts";
import { foldBinary } from "./fold.ts";
import { numberOf, parseLabelTest, parseLiteral, parseStages } from "./stage-parser.ts";
import { spanOf, TokenReader } from "./tokens.ts";

/** Expressions within expressions; beyond it somebody tests us. */
const DEPTH_MAX = 100;
/** Operators one after the other. */
const OPERATORS_MAX = 1000;

const PRECEDENCE: { readonly [op: string]: number } = {
  or: 1,
  and: 2,
  unless: 2,
  ...Object.fromEntries(["==", "!=", "<", "<=", ">", ">="].map((op) => [op, 3])),
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  "^": 6,
};
const UNWRAPPED = new Set<RangeOp>([
  ...(["avg_over_time", "sum_over_time", "max_over_time", "min_over_time"] as const),
  ...(["stddev_over_time", "stdvar_over_time", "quantile_over_time", "rate_counter"] as const),
  ...(["first_over_time", "last_over_time"] as const),
]);
const EITHER = new Set<RangeOp>(["rate", "absent_over_time"]);
const GROUPED = new Set<RangeOp>([
  ...(["avg_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time"] as const),
  ...(["max_over_time", "min_over_time", "first_over_time", "last_over_time"] as const),
]);

/** Any query: of log lines or of numbers. */
export function parseLogql(text: string): LogqlExpr {
  checkSource(text);
  const reader = new TokenReader(text);
  if (reader.peek().kind === "end")
    throw invalidAt(0, "syntax error: unexpected $end: the query is empty");
  const expr = new LogqlParser(reader).expression(0, 0);
  if (reader.peek().kind !== "end") throw reader.unexpected();
  return expr;
}

/** A query of log lines; numbers are refused. */
export function parseLogQuery(text: string): LogqlQuery {
  const expr = parseLogql(text);
  if (expr.kind !== "log_query") throw invalidAt(expr.span.start, "only log selector is supported");
  return expr;
}

/** A stream selector without stages, as the `match[]` parameters of the HTTP API take it. */
export function parseStreamSelector(text: string): readonly Matcher[] {
  const query = parseLogQuery(text);
  const stage = query.stages[0];
  if (stage !== undefined)
    throw invalidAt(
      stage.span.start,
      'only label matchers are supported: a stream selector alone, such as {job="shop"}',
    );
  return query.matchers;
}

interface LogRange {
  readonly query: LogqlQuery;
  readonly unwrap: Unwrap | undefined;
  readonly rangeMs: number | undefined;
  readonly offsetMs: number;
}

class LogqlParser {
  private readonly reader: TokenReader;

  constructor(reader: TokenReader) {
    this.reader = reader;
  }

  expression(weakest: number, depth: number): LogqlExpr {
    if (depth > DEPTH_MAX)
      throw invalidAt(this.reader.peek().start, `the query is nested deeper than ${DEPTH_MAX}`);
    let left = this.primary(depth);
    for (let operators = 0; ; operators++) {
      if (operators > OPERATORS_MAX)
        throw invalidAt(
          this.reader.peek().start,
          `the query has more than ${OPERATORS_MAX} operators`,
        );
      const token = this.reader.peek();
      const level =
        token.kind === "symbol" || token.kind === "keyword" ? PRECEDENCE[token.text] : undefined;
      if (level === undefined || level < weakest) return left;
      this.reader.next();
      const options = this.binaryOptions();
      // A power takes another one to its right.
      const right = this.expression(token.text === "^" ? level : level + 1, depth + 1);
      left = this.binary(token.text as LogqlBinaryOp, options, { left, right });
    }
  }

  private binary(
    op: LogqlBinaryOp,
    options: Pick<LogqlBinary, "bool" | "matching">,
    sides: { readonly left: LogqlExpr; readonly right: LogqlExpr },
  ): MetricExpr {
    const { left, right } = sides;
    const isSet = op === "or" || op === "and" || op === "unless";
    for (const side of ["left", "right"] as const) {
      const { kind, span } = sides[side];
      if (kind === "log_query")
        throw invalidAt(
          span.start,
          `unexpected type for ${side} leg of binary operation (${op}): a log query`,
        );
      if (isSet && kind === "number")
        throw invalidAt(
          span.start,
          `unexpected literal for ${side} leg of logical/set binary operation (${op})`,
        );
    }
    const span = spanOf(left.span, right.span);
    const node = { kind: "binary", op, ...options, left, right, span } as LogqlBinary;
    return foldBinary(node);
  }

  private binaryOptions(): Pick<LogqlBinary, "bool" | "matching"> {
    const { reader } = this;
    const bool = reader.take("bool");
    const on = reader.is("on");
    const none: LogqlMatching = { card: "one-to-one", on: false, labels: [], include: [] };
    if (!on && !reader.is("ignoring")) return { bool, matching: none };
    reader.next();
    const labels = reader.names();
    const isLeft = reader.is("group_left");
    if (!isLeft && !reader.is("group_right")) return { bool, matching: { ...none, on, labels } };
    reader.next();
    const include = this.isNameList() ? reader.names() : [];
    const card = isLeft ? "many-to-one" : "one-to-many";
    return { bool, matching: { card, on, labels, include } };
  }

  /** Tells `group_left (a, b)` from `group_left (expression)`. */
  private isNameList(): boolean {
    const { reader } = this;
    if (!reader.is("(")) return false;
    if (reader.is(")", 1)) return true;
    return reader.peek(1).kind === "name" && (reader.is(")", 2) || reader.is(",", 2));
  }

  private primary(depth: number): LogqlExpr {
    const { reader } = this;
    const token = reader.peek();
    if (reader.is("{")) return this.logQuery();
    if (reader.is("(")) {
      reader.next();
      const inner = this.expression(0, depth + 1);
      reader.expect(")");
      return inner;
    }
    if (token.kind === "number" || reader.is("-") || reader.is("+")) {
      const value = parseLiteral(reader);
      return { kind: "number", value, span: spanOf(token, reader.last()) };
    }
    if (token.kind === "function") {
      const made = this.call(depth);
      if (made !== undefined) return { ...made, span: spanOf(token, reader.last()) };
    }
    throw reader.unexpected();
  }

  private call(depth: number): MetricExpr | undefined {
    const { text } = this.reader.peek();
    if (text === "vector") return this.vector();
    if (text === "label_replace") return this.labelReplace(depth);
    if ((rangeOps as readonly string[]).includes(text))
      return this.rangeAggregation(text as RangeOp, depth);
    if ((vectorOps as readonly string[]).includes(text))
      return this.vectorAggregation(text as VectorOp, depth);
    return undefined;
  }

  private logQuery(): LogqlQuery {
    const first = this.reader.peek();
    const matchers = this.selector();
    const stages = parseStages(this.reader);
    return { kind: "log_query", matchers, stages, span: spanOf(first, this.reader.last()) };
  }

  private selector(): Matcher[] {
    const { reader } = this;
    reader.expect("{");
    const matchers: Matcher[] = [];
    if (reader.take("}")) return matchers;
    do matchers.push(reader.matcher());
    while (reader.take(","));
    if (!reader.is("}")) throw reader.unexpected("}", ",");
    reader.next();
    return matchers;
  }

  private vector(): MetricExpr {
    const { reader } = this;
    reader.next();
    reader.expect("(");
    const token = reader.expectKind("number");
    reader.expect(")");
    return { kind: "vector", value: numberOf(token), span };
  }

  private labelReplace(depth: number): MetricExpr {
    const { reader } = this;
    reader.next();
    reader.expect("(");
    const expr = this.metric(depth);
    const texts: { string: string; span: Span }[] = [];
    for (let i = 0; i < 4; i++) {
      reader.expect(",");
      const token = reader.expectKind("string");
      texts.push({ string: token.string, span: spanOf(token, token) });
    }
    reader.expect(")");
    const [target = "", replacement = "", source = "", pattern = ""] = texts.map((t) => t.string);
    const patternSpan = texts[3]?.span ?? span;
    return { kind: "label_replace", expr, target, replacement, source, pattern, patternSpan, span };
  }

  private metric(depth: number): MetricExpr {
    const expr = this.expression(0, depth + 1);
    if (expr.kind === "log_query")
      throw invalidAt(expr.span.start, "syntax error: unexpected a log query, expecting numbers");
    return expr;
  }

  private grouping(): Grouping | undefined {
    const { reader } = this;
    const without = reader.is("without");
    if (!without && !reader.is("by")) return undefined;
    reader.next();
    return { without, labels: reader.names() };
  }

  private parameter(): number | undefined {
    const { reader } = this;
    if (reader.peek().kind !== "number" || !reader.is(",", 1)) return undefined;
    const token = reader.next();
    reader.next();
    return numberOf(token);
  }

  private vectorAggregation(op: VectorOp, depth: number): MetricExpr {
    const { reader } = this;
    const first = reader.next();
    const before = this.grouping();
    reader.expect("(");
    const param = this.parameter();
    const expr = this.metric(depth);
    reader.expect(")");
    const grouping = before ?? this.grouping();
    const node = { kind: "vector_aggregation", op, param, expr, grouping, span } as const;
    checkVectorAggregation(node, first.start);
    return node;
  }

  private rangeAggregation(op: RangeOp, depth: number): MetricExpr {
    const { reader } = this;
    const first = reader.next();
    reader.expect("(");
    const param = this.parameter();
    const { rangeMs, ...range } = this.logRange(depth);
    if (rangeMs === undefined) throw reader.unexpected("RANGE");
    reader.expect(")");
    const grouping = this.grouping();
    const node = {
      kind: "range_aggregation",
      op,
      param,
      ...range,
      rangeMs,
      grouping,
      span,
    } as const;
    checkRangeAggregation(node, first.start);
    return node;
  }

  /** A log query with its range; inside parentheses the range may stand behind them. */
  private logRange(depth: number): LogRange {
    const { reader } = this;
    if (depth > DEPTH_MAX)
      throw invalidAt(reader.peek().start, `the query is nested deeper than ${DEPTH_MAX}`);
    if (!reader.is("(")) return this.bareRange();
    reader.next();
    const inner = this.logRange(depth + 1);
    reader.expect(")");
    if (inner.rangeMs !== undefined) return inner;
    const { rangeMs, offsetMs } = this.rangeAndOffset();
    const canUnwrap = inner.unwrap === undefined && inner.query.stages.length === 0;
    const unwrap = canUnwrap && rangeMs !== undefined ? this.unwrap() : inner.unwrap;
    return { ...inner, rangeMs, offsetMs, unwrap };
  }

  private bareRange(): LogRange {
    const { reader } = this;
    const first = reader.peek();
    const matchers = this.selector();
    const before = this.rangeAndOffset();
    const stages: LogqlStage[] = parseStages(reader);
    const query: LogqlQuery = {
      kind: "log_query",
      matchers,
      stages,
      span: spanOf(first, reader.last()),
    };
    const unwrap = this.unwrap();
    const range = before.rangeMs === undefined ? this.rangeAndOffset() : before;
    return { query, unwrap, ...range };
  }

  private rangeAndOffset(): { rangeMs: number | undefined; offsetMs: number } {
    const { reader } = this;
    if (reader.peek().kind !== "range") return { rangeMs: undefined, offsetMs: 0 };
    const rangeMs = reader.next().value;
    if (!reader.take("offset")) return { rangeMs, offsetMs: 0 };
    return { rangeMs, offsetMs: reader.expectKind("duration").value / 1e6 };
  }

  private unwrap(): Unwrap | undefined {
    const { reader } = this;
    if (!reader.is("|") || !reader.is("unwrap", 1)) return undefined;
    const first = reader.next();
    reader.next();
    let conversion: Unwrap["conversion"];
    const token = reader.peek();
    let label: string;
    if (token.kind === "function" && isConversion(token.text)) {
      conversion = token.text;
      reader.next();
      reader.expect("(");
      label = reader.expectKind("name").text;
      reader.expect(")");
    } else {
      label = reader.expectKind("name").text;
    }
    const filters: Unwrap["filters"][number][] = [];
    while (reader.is("|")) {
      reader.next();
      filters.push(parseLabelTest(reader));
    }
    return { label, conversion, filters, span: spanOf(first, reader.last()) };
  }
}

const span: Span = { start: 0, end: 0 };

function isConversion(text: string): text is NonNullable<Unwrap["conversion"]> {
  return text === "bytes" || text === "duration" || text === "duration_seconds";
}

function checkVectorAggregation(
  node: Extract<MetricExpr, { kind: "vector_aggregation" }>,
  start: number,
): void {
  const { op, param, grouping } = node;
  if (op === "topk" || op === "bottomk" || op === "approx_topk") {
    if (param === undefined) throw invalidAt(start, `parameter required for operation ${op}`);
    if (!Number.isInteger(param)) throw invalidAt(start, `invalid parameter ${op}(${param},`);
    if (param <= 0)
      throw invalidAt(start, `invalid parameter (must be greater than 0) ${op}(${param}`);
    if (op === "approx_topk" && grouping !== undefined)
      throw invalidAt(start, `grouping not allowed for ${op} aggregation`);
  } else if (param !== undefined) {
    throw invalidAt(start, `unsupported parameter for operation ${op}(${param},`);
  }
  const isSort = op === "sort" || op === "sort_desc";
  if (isSort && grouping !== undefined && (grouping.labels.length > 0 || grouping.without))
    throw invalidAt(start, "sort and sort_desc doesn't allow grouping by");
}

function checkRangeAggregation(
  node: Extract<MetricExpr, { kind: "range_aggregation" }>,
  start: number,
): void {
  const { op, param, unwrap, grouping } = node;
  if (op === "quantile_over_time") {
    if (param === undefined) throw invalidAt(start, `parameter required for operation ${op}`);
  } else if (param !== undefined) {
    throw invalidAt(start, `parameter ${param} not supported for operation ${op}`);
  }
  if (grouping !== undefined && !GROUPED.has(op))
    throw invalidAt(start, `grouping not allowed for ${op} aggregation`);
  if (EITHER.has(op)) return;
  if (unwrap === undefined && UNWRAPPED.has(op))
    throw invalidAt(start, `invalid aggregation ${op} without unwrap`);
  if (unwrap !== undefined && !UNWRAPPED.has(op))
    throw invalidAt(start, `invalid aggregation ${op} with unwrap`);
}
