/** A query's tree as Prometheus' `parse_query` gives it to user interfaces. */
import {
  type Matcher,
  formatFloat,
  type DurationExpr,
  type NumberLiteral,
  type PromqlExpr,
  selectorMatchers,
  type VectorSelector,
} from "@triptych/lang";
import { unreachable } from "@triptych/model";

interface JsonObject {
  readonly [name: string]: Json;
}
type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export function astJson(expr: PromqlExpr): JsonObject {
  switch (expr.kind) {
    case "aggregate":
      return {
        type: "aggregation",
        op: expr.op,
        expr: astJson(expr.expr),
        param: expr.param === undefined ? null : astJson(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      };
    case "binary":
      return binaryJson(expr);
    case "call":
      return callJson(expr);
    case "matrix_selector": {
      const { selector, rangeMs, rangeExpr } = expr;
      return {
        type: "matrixSelector",
        ...selectorJson(selector),
        range: rangeMs,
        rangeExpr: durationJson(rangeExpr),
      };
    }
    case "subquery":
      return {
        type: "subquery",
        expr: astJson(expr.expr),
        range: expr.rangeMs,
        rangeExpr: durationJson(expr.rangeExpr),
        step: expr.intervalMs,
        stepExpr: durationJson(expr.intervalExpr),
        ...timesJson(expr),
      };
    case "number":
      return { type: "numberLiteral", val: formatFloat(expr.value) };
    case "string":
      return { type: "stringLiteral", val: expr.value };
    case "paren":
      return { type: "parenExpr", expr: astJson(expr.expr) };
    case "unary":
      return { type: "unaryExpr", op: expr.op, expr: astJson(expr.expr) };
    case "vector_selector":
      return { type: "vectorSelector", ...selectorJson(expr) };
    default:
      return unreachable(expr);
  }
}

function callJson(expr: Extract<PromqlExpr, { kind: "call" }>): JsonObject {
  const { name, args, variadic, returns } = expr.func;
  return {
    type: "call",
    func: { name, argTypes: args, variadic, returnType: returns },
    args: expr.args.map(astJson),
  };
}

function binaryJson(expr: Extract<PromqlExpr, { kind: "binary" }>): JsonObject {
  const { matching } = expr;
  return {
    type: "binaryExpr",
    op: expr.op,
    lhs: astJson(expr.left),
    rhs: astJson(expr.right),
    matching:
      matching === undefined
        ? null
        : {
            card: matching.card,
            labels: matching.labels,
            on: matching.on,
            include: matching.include,
            fillValues: { lhs: matching.fillLeft ?? null, rhs: matching.fillRight ?? null },
          },
    bool: expr.bool,
  };
}

function selectorJson(selector: VectorSelector): JsonObject {
  return {
    name: selector.name,
    matchers: selectorMatchers(selector).map(matcherJson),
    anchored: selector.extended === "anchored",
    smoothed: selector.extended === "smoothed",
    ...timesJson(selector),
  };
}

function matcherJson({ name, op, value }: Matcher): JsonObject {
  return { name, value, type: op };
}

function timesJson(shifted: Pick<VectorSelector, "offsetMs" | "offsetExpr" | "at">): JsonObject {
  const { at } = shifted;
  return {
    offset: shifted.offsetMs,
    offsetExpr: durationJson(shifted.offsetExpr),
    timestamp: typeof at === "number" ? at : null,
    startOrEnd: typeof at === "string" ? at : null,
  };
}

function durationJson(expr: DurationExpr | NumberLiteral | undefined): Json {
  if (expr === undefined) return null;
  if (expr.kind === "number")
    return {
      type: "numberLiteral",
      val: formatFloat(expr.value),
      duration: expr.isDuration === true,
    };
  return {
    type: "durationExpr",
    op: expr.op,
    lhs: durationJson(expr.left),
    rhs: durationJson(expr.right),
    wrapped: expr.wrapped,
  };
}
