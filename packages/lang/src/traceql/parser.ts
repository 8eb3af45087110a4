/**
 * Parses TraceQL: spanset pipelines, scalar filters and metrics queries. One operator parser serves them all; each
 * operand is of a sort, and operators say which sorts they take. What is refused is `query_invalid` with its place.
 */
import { invalidAt, type Span, shown } from "../source.ts";
import { applied, negatedStatic } from "./arithmetic.ts";
import type {
  ArithmeticOp,
  Attribute,
  CompareOp,
  MetricsExpr,
  Pipeline,
  Scalar,
  SecondStage,
  SpansetOp,
  Spansets,
  Stage,
  TraceqlQuery,
} from "./ast.ts";
import { parseAttribute } from "./field-parser.ts";
import { parseHints } from "./hints.ts";
import { isMetricsCall, parseMetricsCall, parseTop } from "./metrics-parser.ts";
import {
  isAggregate,
  isStageCall,
  parseAggregate,
  parseFilter,
  parseStageCall,
} from "./stage-parser.ts";
import { isNumeric, numberOf, type Static } from "./static.ts";
import { TokenStream } from "./tokens.ts";

/** What an operand is. */
type Operand =
  /** A plain number, possibly computed. `plain` is false after arithmetic. */
  | {
      readonly sort: "number";
      readonly value: Static;
      readonly plain: boolean;
      readonly span: Span;
    }
  /** Contains an aggregate: `count() + 1`. */
  | { readonly sort: "scalar"; readonly scalar: Scalar }
  /** `({…} | count())`. */
  | { readonly sort: "scalar_pipeline"; readonly scalar: Scalar }
  /** `expression`: filters and operators on them; `wrapped`: a pipeline in parentheses; else a bare pipeline. */
  | {
      readonly sort: "spansets";
      readonly form: "expression" | "wrapped" | "pipeline";
      readonly both: boolean;
      readonly value: Spansets;
    }
  | { readonly sort: "metrics"; readonly wrapped: boolean; readonly expr: MetricsExpr };

const PRECEDENCE: { readonly [op: string]: number } = {
  "|": 1,
  "&&": 2,
  "||": 2,
  "=": 3,
  "!=": 3,
  "<": 3,
  "<=": 3,
  ">": 3,
  ">=": 3,
  ">>": 3,
  "<<": 3,
  "~": 3,
  "!>": 3,
  "!<": 3,
  "!>>": 3,
  "!<<": 3,
  "!~": 3,
  "&>": 3,
  "&<": 3,
  "&>>": 3,
  "&<<": 3,
  "&~": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  "^": 6,
};
const COMPARISONS = new Set(["=", "!=", "<", "<=", ">", ">="]);
const ARITHMETIC = new Set(["+", "-", "*", "/", "%", "^"]);

export function parseTraceql(text: string): TraceqlQuery {
  const parser = new Parser(text);
  return parser.query();
}

/** One attribute or intrinsic, as it is named in the HTTP API. */
export function parseTraceqlIdentifier(text: string): Attribute {
  const tokens = new TokenStream(text);
  const attribute = parseAttribute(tokens);
  if (tokens.peek().kind !== "end") throw tokens.unexpected("the end of the name");
  return attribute;
}

class Parser {
  private readonly tokens: TokenStream;

  constructor(text: string) {
    this.tokens = new TokenStream(text);
  }

  query(): TraceqlQuery {
    const { tokens } = this;
    if (tokens.peek().kind === "end") throw invalidAt(0, "the query is empty");
    const operand = this.operation(0);
    const hints = parseHints(tokens);
    if (tokens.peek().kind !== "end")
      throw tokens.unexpected("an operator or the end of the query");
    const common = { hints, text: tokens.text };
    if (operand.sort === "metrics") return { ...common, kind: "metrics", expr: operand.expr };
    if (operand.sort === "spansets")
      return { ...common, kind: "spansets", pipeline: pipelineOf(operand.value) };
    throw invalidAt(
      spanOf(operand).start,
      "a number is no query: compare an aggregate, as in `{ } | count() > 3`",
    );
  }

  private operation(above: number): Operand {
    return this.tokens.nested(() => {
      let left = this.operand();
      for (;;) {
        const token = this.tokens.peek();
        const level = token.kind === "symbol" ? PRECEDENCE[token.text] : undefined;
        if (level === undefined || level <= above) return left;
        this.tokens.next();
        this.tokens.countOperator();
        if (token.text === "|") {
          left = this.piped(left);
          continue;
        }
        const right = this.operation(token.text === "^" ? level - 1 : level);
        left = this.combined(token.text, left, right, token.start);
      }
    });
  }

  private operand(): Operand {
    const { tokens } = this;
    const token = tokens.peek();
    if (token.kind === "number") {
      tokens.next();
      const span = { start: token.start, end: token.end };
      return { sort: "number", value: token.value ?? { type: "int", value: 0 }, plain: true, span };
    }
    if (token.kind === "symbol" && token.text === "-") return this.negative();
    if (token.kind === "symbol" && token.text === "{")
      return { sort: "spansets", form: "expression", both: false, value: parseFilter(tokens) };
    if (token.kind === "symbol" && token.text === "(") return this.parenthesized();
    if (isAggregate(tokens)) return { sort: "scalar", scalar: parseAggregate(tokens) };
    if (isStageCall(tokens)) {
      if (tokens.isName("coalesce"))
        throw invalidAt(token.start, "a query cannot begin with coalesce()");
      const stage = parseStageCall(tokens);
      const value: Pipeline = { kind: "pipeline", stages: [stage], span: stage.span };
      return { sort: "spansets", form: "pipeline", both: false, value };
    }
    throw tokens.unexpected("a span filter such as { } or an aggregate");
  }

  private negative(): Operand {
    const { start } = this.tokens.next();
    this.tokens.countOperator();
    const inner = this.tokens.nested(() => this.operand());
    if (inner.sort !== "number")
      throw invalidAt(spanOf(inner).start, "a minus can only stand before a number here");
    return { ...inner, value: negatedStatic(inner.value), span: this.tokens.from(start) };
  }

  private parenthesized(): Operand {
    const { tokens } = this;
    const { start } = tokens.next();
    const inner = this.operation(0);
    tokens.expect(")");
    const span = tokens.from(start);
    switch (inner.sort) {
      case "number":
        return { ...inner, span };
      case "scalar":
      case "scalar_pipeline":
        return { ...inner, scalar: { ...inner.scalar, span } };
      case "metrics":
        return { ...inner, wrapped: true };
      default:
        return inner.form === "expression"
          ? { ...inner, both: true }
          : { sort: "spansets", form: "wrapped", both: false, value: inner.value };
    }
  }

  /** What follows a pipe. */
  private piped(left: Operand): Operand {
    const { tokens } = this;
    const { start } = tokens.peek();
    if (left.sort === "metrics") {
      const stage = parseTop(tokens);
      if (stage === undefined) throw tokens.unexpected("topk or bottomk");
      return this.thresholds(withStage(left, stage));
    }
    if (left.sort !== "spansets")
      throw invalidAt(spanOf(left).start, "only span filters and metrics can be piped");
    const before = pipelineOf(left.value);
    if (isMetricsCall(tokens)) {
      const aggregate = parseMetricsCall(tokens);
      const span = tokens.from(before.span.start);
      const expr: MetricsExpr = {
        kind: "metrics_query",
        pipeline: before,
        aggregate,
        stages: [],
        span,
      };
      return this.thresholds({ sort: "metrics", wrapped: false, expr });
    }
    if (isStageCall(tokens))
      return piping(before, parseStageCall(tokens), tokens.from(before.span.start));
    const right = this.operation(1);
    const span = tokens.from(before.span.start);
    if (right.sort === "scalar") {
      // An aggregate that is compared with nothing is a scalar pipeline, which only parentheses can hold.
      if (!tokens.is(")")) throw tokens.unexpected("a comparison of the aggregate");
      const scalar: Scalar = {
        kind: "scalar_pipeline",
        pipeline: before,
        scalar: right.scalar,
        span,
      };
      return { sort: "scalar_pipeline", scalar };
    }
    if (right.sort !== "spansets" || right.form === "wrapped")
      throw invalidAt(start, "a span filter, an aggregate or a function belongs after the pipe");
    const added = right.value.kind === "pipeline" ? right.value.stages : [right.value];
    const value: Pipeline = { kind: "pipeline", stages: [...before.stages, ...added], span };
    return { sort: "spansets", form: "pipeline", both: false, value };
  }

  /** Comparisons right behind an unwrapped metrics query belong to it. */
  private thresholds(query: Operand & { sort: "metrics" }): Operand {
    let result = query;
    for (;;) {
      const token = this.tokens.peek();
      if (token.kind !== "symbol" || !COMPARISONS.has(token.text)) return result;
      this.tokens.next();
      const right = this.operation(3);
      result = compared(token.text as CompareOp, result, right, token.start);
    }
  }

  private combined(op: string, left: Operand, right: Operand, at: number): Operand {
    if (ARITHMETIC.has(op)) return calculated(op as ArithmeticOp, left, right, at);
    if (left.sort === "spansets" && right.sort === "spansets") return joined(op, left, right, at);
    if (COMPARISONS.has(op)) {
      if (left.sort === "metrics") return compared(op as CompareOp, left, right, at);
      return scalarFilter(op as CompareOp, left, right, at);
    }
    throw cannotJoin(op, at);
  }
}

const cannotJoin = (op: string, at: number): Error =>
  invalidAt(at, `${shown(op)} cannot stand between these two`);

function spanOf(operand: Operand): Span {
  switch (operand.sort) {
    case "number":
      return operand.span;
    case "scalar":
    case "scalar_pipeline":
      return operand.scalar.span;
    case "metrics":
      return operand.expr.span;
    default:
      return operand.value.span;
  }
}

function pipelineOf(value: Spansets): Pipeline {
  if (value.kind === "pipeline") return value;
  return { kind: "pipeline", stages: [value], span: value.span };
}

function piping(before: Pipeline, stage: Stage, span: Span): Operand {
  const value: Pipeline = { kind: "pipeline", stages: [...before.stages, stage], span };
  return { sort: "spansets", form: "pipeline", both: false, value };
}

function withStage(
  operand: Operand & { sort: "metrics" },
  stage: SecondStage,
): Operand & { sort: "metrics" } {
  const { expr } = operand;
  const span = { start: expr.span.start, end: stage.span.end };
  return { ...operand, expr: { ...expr, stages: [...expr.stages, stage], span } };
}

/** Operators between spansets: between filters, or between pipelines that are each in parentheses. */
function joined(
  op: string,
  left: Operand & { sort: "spansets" },
  right: Operand & { sort: "spansets" },
  at: number,
): Operand {
  if (["=", "!=", "<=", ">="].includes(op)) throw cannotJoin(op, at);
  const fits = (form: "expression" | "wrapped") =>
    [left, right].every((side) => side.form === form || (form === "wrapped" && side.both));
  const form = fits("expression") ? "expression" : fits("wrapped") ? "wrapped" : undefined;
  if (form === undefined)
    throw invalidAt(
      at,
      `${shown(op)} takes span filters, or pipelines that are each in parentheses`,
    );
  const span = { start: left.value.span.start, end: right.value.span.end };
  const value: Spansets = {
    kind: "operation",
    op: op as SpansetOp,
    left: left.value,
    right: right.value,
    span,
  };
  return { sort: "spansets", form, both: form === "wrapped", value };
}

function compared(
  op: CompareOp,
  left: Operand & { sort: "metrics" },
  right: Operand,
  at: number,
): Operand & { sort: "metrics" } {
  if (right.sort !== "number") throw invalidAt(at, "metrics can only be compared with a number");
  const span = { start: at, end: right.span.end };
  return withStage(left, { kind: "threshold", op, value: right.value, span });
}

function scalarFilter(op: CompareOp, left: Operand, right: Operand, at: number): Operand {
  const pipelines = left.sort === "scalar_pipeline";
  // A number beside a scalar pipeline stands on the right and is plain; the language has it so.
  const fits = pipelines
    ? right.sort === "scalar_pipeline" || (right.sort === "number" && right.plain)
    : (left.sort === "scalar" || left.sort === "number") &&
      (right.sort === "scalar" || right.sort === "number") &&
      (left.sort === "scalar" || right.sort === "scalar");
  if (!fits) throw cannotJoin(op, at);
  const span = { start: spanOf(left).start, end: spanOf(right).end };
  const stage: Stage = {
    kind: "scalar_filter",
    op,
    left: scalarOf(left),
    right: scalarOf(right),
    span,
  };
  const value: Pipeline = { kind: "pipeline", stages: [stage], span };
  return { sort: "spansets", form: "pipeline", both: false, value };
}

function scalarOf(operand: Operand): Scalar {
  if (operand.sort === "number")
    return { kind: "literal", value: operand.value, span: operand.span };
  if (operand.sort === "scalar" || operand.sort === "scalar_pipeline") return operand.scalar;
  throw invalidAt(spanOf(operand).start, "a number or an aggregate belongs here");
}

function calculated(op: ArithmeticOp, left: Operand, right: Operand, at: number): Operand {
  const span = { start: spanOf(left).start, end: spanOf(right).end };
  if (left.sort === "number" && right.sort === "number")
    return { sort: "number", value: folded(op, left.value, right.value, at), plain: false, span };
  if (left.sort === "metrics" || right.sort === "metrics") return metricsMath(op, left, right, at);
  const sort = left.sort === "scalar_pipeline" ? left.sort : "scalar";
  const fits = (side: Operand): boolean =>
    side.sort === sort || (sort === "scalar" && side.sort === "number");
  if (!fits(left) || !fits(right)) throw cannotJoin(op, at);
  const scalar: Scalar = {
    kind: "scalar_operation",
    op,
    left: scalarOf(left),
    right: scalarOf(right),
    span,
  };
  return { sort, scalar };
}

/** Numbers are computed at once, integers as integers. */
function folded(op: ArithmeticOp, left: Static, right: Static, at: number): Static {
  if (left.type === "duration" || right.type === "duration")
    throw invalidAt(at, "durations cannot be computed here");
  const value = applied(op, left, right);
  if (!isNumeric(value)) throw invalidAt(at, `${shown(op)} has no result here`);
  return value;
}

function metricsMath(op: ArithmeticOp, left: Operand, right: Operand, at: number): Operand {
  if (op === "%" || op === "^") throw invalidAt(at, `metrics cannot be combined by ${shown(op)}`);
  const span = { start: spanOf(left).start, end: spanOf(right).end };
  for (const side of [left, right])
    if (side.sort === "metrics" && !side.wrapped)
      throw invalidAt(at, "metrics queries that are computed with stand in parentheses");
  if (left.sort === "metrics" && right.sort === "metrics") {
    const expr: MetricsExpr = {
      kind: "metrics_math",
      op,
      left: left.expr,
      right: right.expr,
      stages: [],
      span,
    };
    return { sort: "metrics", wrapped: true, expr };
  }
  const numberFirst = left.sort === "number";
  const number = numberFirst ? left : right;
  const operand = numberFirst ? right : left;
  if (number.sort !== "number" || operand.sort !== "metrics") throw cannotJoin(op, at);
  if (number.value.type === "duration")
    throw invalidAt(number.span.start, "metrics can be computed with numbers, not with durations");
  const value = numberOf(number.value);
  const expr: MetricsExpr = {
    kind: "metrics_scalar",
    op,
    value,
    numberFirst,
    operand: operand.expr,
    stages: [],
    span,
  };
  return { sort: "metrics", wrapped: true, expr };
}
