/**
 * What can be known of a query before it runs: durations are computed, `start()` and its like become numbers, and the
 * parts whose value is the same at every step are found: they are evaluated once.
 */
import { TriptychError } from "@triptych/model";
import type { Binary, Call, DurationExpr, NumberLiteral, PromqlExpr } from "./ast.ts";
import { childrenOf } from "./ast.ts";
import { invalidAt } from "../source.ts";

export interface QueryTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** 0 for an instant query. */
  readonly stepMs: number;
}

/** Nested deeper than this the query would not fit the stack; the parser refuses such text already. */
export interface Prepared {
  readonly expr: PromqlExpr;
  /** Nodes whose value does not depend on the step. */
  readonly invariant: ReadonlySet<PromqlExpr>;
  /** Selectors of which only the counts and sums of histograms are used. */
  readonly statsOnly: ReadonlySet<PromqlExpr>;
}

export function prepare(given: PromqlExpr, times: QueryTimes): Prepared {
  const expr = fold(given, times);
  const invariant = new Set<PromqlExpr>();
  const { wrap } = findInvariant(expr, invariant);
  if (wrap) invariant.add(expr);
  const statsOnly = new Set<PromqlExpr>();
  findStatsOnly(expr, [], statsOnly);
  return { expr, invariant, statsOnly };
}

function contextValue(name: string, { startMs, endMs, stepMs }: QueryTimes): number | undefined {
  if (name === "start") return startMs / 1000;
  if (name === "end") return endMs / 1000;
  if (name === "range") return (endMs - startMs) / 1000;
  if (name === "step") return startMs === endMs ? 0 : stepMs / 1000;
  return undefined;
}

function unwrap(expr: PromqlExpr): PromqlExpr {
  return expr.kind === "paren" ? unwrap(expr.expr) : expr;
}

function fold(expr: PromqlExpr, times: QueryTimes): PromqlExpr {
  switch (expr.kind) {
    case "number":
    case "string":
      return expr;
    case "vector_selector":
      return { ...expr, offsetMs: offsetOf(expr, times), offsetExpr: undefined };
    case "matrix_selector": {
      const rangeMs = computed(expr.rangeExpr, times) ?? expr.rangeMs;
      const { selector } = expr;
      const offsetMs = offsetOf(selector, times);
      return { ...expr, rangeMs, selector: { ...selector, offsetMs, offsetExpr: undefined } };
    }
    case "subquery": {
      // Of several durations that are wrong the first is told, from the outside inwards.
      const offsetMs = offsetOf(expr, times);
      const intervalMs = computed(expr.intervalExpr, times) ?? expr.intervalMs;
      const rangeMs = computed(expr.rangeExpr, times) ?? expr.rangeMs;
      return { ...expr, expr: fold(expr.expr, times), offsetMs, intervalMs, rangeMs };
    }
    case "paren":
    case "unary":
      return { ...expr, expr: fold(expr.expr, times) };
    case "binary":
      return foldBinary(expr, times);
    case "aggregate":
      return {
        ...expr,
        expr: unwrap(fold(expr.expr, times)),
        param: expr.param && unwrap(fold(expr.param, times)),
      };
    case "call":
      return foldCall(expr, times);
  }
}

function foldBinary(expr: Binary, times: QueryTimes): Binary {
  return { ...expr, left: fold(expr.left, times), right: fold(expr.right, times) };
}

function foldCall(call: Call, times: QueryTimes): PromqlExpr {
  const value = contextValue(call.func.name, times);
  if (value === undefined)
    return { ...call, args: call.args.map((arg) => unwrap(fold(arg, times))) };
  return { kind: "number", value, span: call.span };
}

function offsetOf(
  expr: { readonly offsetMs: number; readonly offsetExpr?: DurationExpr | undefined },
  times: QueryTimes,
): number {
  return computed(expr.offsetExpr, times, true) ?? Math.trunc(expr.offsetMs);
}

/** Go's durations are nanoseconds in 64 bits. */
const SECONDS_MAX = 2 ** 63 / 1e9;

function computed(
  expr: DurationExpr | undefined,
  times: QueryTimes,
  negativeAllowed = false,
): number | undefined {
  if (expr === undefined) return undefined;
  const seconds = durationSeconds(expr, times);
  const fail = (why: string): Error => durationError(expr, why);
  if (!Number.isFinite(seconds)) throw fail("duration is NaN or infinite");
  if (seconds <= 0 && !negativeAllowed) throw fail("duration must be greater than 0");
  if (Math.abs(seconds) > SECONDS_MAX) throw fail("duration is out of range");
  return Math.trunc(seconds * 1000);
}

/** Prometheus computes durations before it runs a query: what is wrong with one is a wrong query, not a failed one. */
function durationError({ span }: DurationExpr, why: string): Error {
  return new TriptychError("query_invalid", `${span.start}:${span.end}: ${why}`);
}

function durationSeconds(expr: DurationExpr | NumberLiteral, times: QueryTimes): number {
  if (expr.kind === "number") return expr.value;
  const left = expr.left === undefined ? 0 : durationSeconds(expr.left, times);
  const right = expr.right === undefined ? 0 : durationSeconds(expr.right, times);
  switch (expr.op) {
    case "step":
      return times.stepMs / 1000;
    case "range":
      return (times.endMs - times.startMs) / 1000;
    case "min_of":
      return Math.min(left, right);
    case "max_of":
      return Math.max(left, right);
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      if (right === 0) throw durationError(expr, "division by zero");
      return left / right;
    case "%":
      if (right === 0) throw durationError(expr, "modulo by zero");
      return left % right;
    case "^":
      return left ** right;
  }
}

interface Invariance {
  /** The value is the same at each step. */
  readonly same: boolean;
  /** It pays to evaluate it once and copy the value. */
  readonly wrap: boolean;
}

function findInvariant(expr: PromqlExpr, out: Set<PromqlExpr>): Invariance {
  const put = (child: PromqlExpr, { wrap }: Invariance): void => {
    if (wrap) out.add(child);
  };
  switch (expr.kind) {
    case "number":
    case "string":
      return { same: true, wrap: false };
    case "vector_selector": {
      const fixed = expr.at !== undefined;
      return { same: fixed, wrap: fixed };
    }
    case "matrix_selector":
      return { same: expr.selector.at !== undefined, wrap: false };
    case "paren":
    case "unary":
    case "aggregate":
      return findInvariant(expr.expr, out);
    case "subquery":
      if (findInvariant(expr.expr, out).same) out.add(expr.expr);
      return { same: expr.at !== undefined, wrap: false };
    case "binary": {
      const left = findInvariant(expr.left, out);
      const right = findInvariant(expr.right, out);
      if (left.same && right.same) return { same: true, wrap: true };
      put(expr.left, left);
      put(expr.right, right);
      return { same: false, wrap: false };
    }
    case "call":
      return callInvariance(expr, out);
  }
}

function callInvariance(call: Call, out: Set<PromqlExpr>): Invariance {
  const args = call.args.map((arg) => findInvariant(arg, out));
  const same = args.every((arg) => arg.same);
  const isTimestamp =
    call.func.name === "timestamp" && call.args.every((arg) => arg.kind === "vector_selector");
  if (same && (!call.func.timeDependent || isTimestamp)) return { same: true, wrap: true };
  for (const [i, arg] of args.entries()) if (arg.wrap) out.add(call.args[i] as PromqlExpr);
  return { same: false, wrap: false };
}

const STATS = new Set(["histogram_count", "histogram_sum", "histogram_avg"]);
const WHOLE = new Set(["histogram_quantile", "histogram_quantiles", "histogram_fraction"]);

function findStatsOnly(expr: PromqlExpr, path: readonly PromqlExpr[], out: Set<PromqlExpr>): void {
  if (expr.kind === "vector_selector" && usesStatsOnly(path)) out.add(expr);
  for (const child of childrenOf(expr)) findStatsOnly(child, [...path, expr], out);
}

function usesStatsOnly(path: readonly PromqlExpr[]): boolean {
  let stats = false;
  for (let i = path.length - 1; i >= 0; i--) {
    const node = path[i] as PromqlExpr;
    if (node.kind === "subquery") return false;
    if (node.kind === "binary" && (node.op === "</" || node.op === ">/")) return false;
    if (node.kind !== "call") continue;
    if (WHOLE.has(node.func.name)) return false;
    if (STATS.has(node.func.name)) stats = true;
  }
  return stats;
}

export function refuseAsRange(expr: PromqlExpr, shown: string): Error {
  return invalidAt(
    expr.span.start,
    `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
  );
}
