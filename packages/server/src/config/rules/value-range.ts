/**
 * Which numbers an expression can give, as far as its text tells: enough to see that a threshold can never be met.
 * Wrong in no case where it says something; it says nothing (all numbers) where it does not know.
 */
import {
  type Matcher,
  type PromqlBinary,
  type PromqlCall,
  type PromqlExpr,
  printPromql,
  selectorMatchers,
  type VectorSelector,
} from "@triptych/lang";

export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

export const anything: ValueRange = { low: -Infinity, high: Infinity };
const positive: ValueRange = { low: 0, high: Infinity };
const share: ValueRange = { low: 0, high: 1 };

const NOT_NEGATIVE = new Set([
  ...["rate", "irate", "increase", "count_over_time", "changes", "resets", "abs", "sqrt", "exp"],
  ...[
    "stddev_over_time",
    "stdvar_over_time",
    "time",
    "timestamp",
    "histogram_count",
    "histogram_stddev",
  ],
]);
/** Aggregations that stay within the range of what they take. */
const KEEPING = new Set([
  "avg",
  "min",
  "max",
  "topk",
  "bottomk",
  "limitk",
  "limit_ratio",
  "quantile",
]);
const KEEPING_CALLS = new Set([
  ...["avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time"],
  ...[
    "sort",
    "sort_desc",
    "sort_by_label",
    "sort_by_label_desc",
    "label_replace",
    "label_join",
    "scalar",
    "vector",
  ],
]);

export function rangeOf(expr: PromqlExpr): ValueRange {
  switch (expr.kind) {
    case "number":
      return { low: expr.value, high: expr.value };
    case "paren":
      return rangeOf(expr.expr);
    case "unary":
      return expr.op === "-" ? negated(rangeOf(expr.expr)) : rangeOf(expr.expr);
    case "vector_selector":
      return expr.name === "up" ? share : anything;
    case "matrix_selector":
      return rangeOf(expr.selector);
    case "subquery":
      return rangeOf(expr.expr);
    case "call":
      return callRange(expr);
    case "binary":
      return binaryRange(expr);
    case "aggregate": {
      if (expr.op === "count") return { low: 1, high: Infinity };
      if (expr.op === "group") return { low: 1, high: 1 };
      if (expr.op === "stddev" || expr.op === "stdvar") return positive;
      const inner = rangeOf(expr.expr);
      if (KEEPING.has(expr.op)) return inner;
      return expr.op === "sum" && inner.low >= 0 ? positive : anything;
    }
    default:
      return anything;
  }
}

function callRange({ func, args }: PromqlCall): ValueRange {
  const [first, second, third] = args;
  const inner = first === undefined ? anything : rangeOf(first);
  const bound = (arg: PromqlExpr | undefined): number =>
    arg?.kind === "number" ? arg.value : Number.NaN;
  switch (func.name) {
    case "absent":
    case "absent_over_time":
    case "present_over_time":
      return { low: 1, high: 1 };
    case "clamp_max":
      return Number.isNaN(bound(second))
        ? anything
        : { low: inner.low, high: Math.min(inner.high, bound(second)) };
    case "clamp_min":
      return Number.isNaN(bound(second))
        ? anything
        : { low: Math.max(inner.low, bound(second)), high: inner.high };
    case "clamp":
      return Number.isNaN(bound(second) + bound(third))
        ? anything
        : { low: bound(second), high: bound(third) };
    case "histogram_fraction":
      return share;
    case "quantile_over_time":
      return second === undefined ? anything : rangeOf(second);
    case "hour":
      return { low: 0, high: 23 };
    case "minute":
      return { low: 0, high: 59 };
    case "month":
      return { low: 1, high: 12 };
    case "day_of_week":
      return { low: 0, high: 6 };
    case "day_of_month":
    case "days_in_month":
      return { low: 1, high: 31 };
    case "day_of_year":
      return { low: 1, high: 366 };
    default:
      if (KEEPING_CALLS.has(func.name)) return inner;
      return NOT_NEGATIVE.has(func.name) ? positive : anything;
  }
}

function binaryRange(expr: PromqlBinary): ValueRange {
  const { op, left, right, bool } = expr;
  if (bool) return share;
  const [a, b] = [rangeOf(left), rangeOf(right)];
  switch (op) {
    case "==":
    case ">":
    case ">=":
    case "<":
    case "<=":
      return narrowed(a, op, b);
    case "!=":
    case "and":
    case "unless":
      return a;
    case "or":
      return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
    case "+":
      return { low: a.low + b.low, high: a.high + b.high };
    case "-":
      return { low: a.low - b.high, high: a.high - b.low };
    case "*":
      return product(a, b);
    case "/":
      if (isPartOf(left, right)) return share;
      return b.low === b.high && b.low !== 0
        ? product(a, { low: 1 / b.low, high: 1 / b.low })
        : quotient(a, b);
    default:
      return anything;
  }
}

const quotient = (a: ValueRange, b: ValueRange): ValueRange =>
  a.low >= 0 && b.low >= 0 ? positive : anything;

const negated = ({ low, high }: ValueRange): ValueRange => ({ low: -high, high: -low });

function product(a: ValueRange, b: ValueRange): ValueRange {
  const all = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high].map((value) =>
    Number.isNaN(value) ? 0 : value,
  );
  return { low: Math.min(...all), high: Math.max(...all) };
}

/** What is left of `a` after a filter. `low` above `high`: nothing. */
export function narrowed(
  a: ValueRange,
  op: "==" | ">" | ">=" | "<" | "<=",
  b: ValueRange,
): ValueRange {
  const next = Number.MIN_VALUE;
  switch (op) {
    case "==":
      return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) };
    case ">":
      return a.high <= b.low ? nothing : { low: Math.max(a.low, b.low + next), high: a.high };
    case ">=":
      return { low: Math.max(a.low, b.low), high: a.high };
    case "<":
      return a.low >= b.high ? nothing : { low: a.low, high: Math.min(a.high, b.high) };
    case "<=":
      return { low: a.low, high: Math.min(a.high, b.high) };
  }
}

const nothing: ValueRange = { low: 1, high: 0 };
export const isEmptyRange = ({ low, high }: ValueRange): boolean => low > high;

/**
 * Whether `left` counts some of what `right` counts: the same sums of the same counter's rate, and every matcher of the
 * right side stands on the left one too.
 */
function isPartOf(left: PromqlExpr, right: PromqlExpr): boolean {
  const [a, b] = [summed(left), summed(right)];
  if (
    a === undefined ||
    b === undefined ||
    a.shape !== b.shape ||
    a.selector.name !== b.selector.name
  )
    return false;
  const key = ({ name, op, value }: Matcher): string => JSON.stringify([name, op, value]);
  const has = new Set(selectorMatchers(a.selector).map(key));
  return selectorMatchers(b.selector).every((matcher) => has.has(key(matcher)));
}

/** A sum of a counter's rate: its selector, and all the rest as a text. */
function summed(expr: PromqlExpr): { selector: VectorSelector; shape: string } | undefined {
  if (expr.kind === "paren") return summed(expr.expr);
  if (expr.kind !== "aggregate" || expr.op !== "sum") return undefined;
  const inner = expr.expr;
  if (inner.kind !== "call" || !["rate", "increase", "irate"].includes(inner.func.name))
    return undefined;
  const [range] = inner.args;
  if (range?.kind !== "matrix_selector") return undefined;
  const { selector } = range;
  const bare: PromqlExpr = {
    ...expr,
    expr: { ...inner, args: [{ ...range, selector: { ...selector, matchers: [], name: "x" } }] },
  };
  return { selector, shape: printPromql(bare) };
}
