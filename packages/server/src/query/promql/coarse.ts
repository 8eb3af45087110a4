/**
 * Queries over days of which only downsampled rows are kept (ADR 18). Functions see the last sample of each row; of some
 * the row knows better: counts and means are asked for in another form, which is exact. Of others the query's notes say
 * that they are approximate.
 */
import { type Matcher, type PromqlExpr, promqlChildren, promqlFunctions } from "@triptych/lang";
import { assert } from "@triptych/model";
import type { SampleColumn } from "../../store/clickhouse/select/samples.ts";

/** Among the matchers of a selector it says that counts are wanted. Only this object does: a query cannot write it. */
const COUNT_MARK: Matcher = {
  name: "",
  op: "=",
  value: "",
  span: { start: 0, end: 0 },
  valueSpan: { start: 0, end: 0 },
};

/** What these functions are to be given of rows. */
const columnOf: { readonly [func: string]: SampleColumn | undefined } = {
  min_over_time: "Min",
  max_over_time: "Max",
  sum_over_time: "Sum",
};

export function columnFor(
  matchers: readonly Matcher[],
  func: string | undefined,
): SampleColumn | undefined {
  return matchers.includes(COUNT_MARK) ? "Count" : columnOf[func ?? ""];
}

export const withoutMark = (matchers: readonly Matcher[]): readonly Matcher[] =>
  matchers.includes(COUNT_MARK) ? matchers.filter((one) => one !== COUNT_MARK) : matchers;

/** Right of rows, whatever the samples were; `increase` and its like but for resets within a row. */
const exact = new Set([
  ...["min_over_time", "max_over_time", "sum_over_time", "count_over_time", "avg_over_time"],
  ...["last_over_time", "present_over_time", "absent_over_time", "rate", "increase"],
]);

type Span = PromqlExpr["span"];

export interface Coarse {
  readonly expr: PromqlExpr;
  /** What is only approximate, each with its place. */
  readonly notes: readonly { readonly message: string; readonly span: Span }[];
}

/** The query in the form for rows that are `rowMs` apart at most. */
export function forCoarse(expr: PromqlExpr, rowMs: number): Coarse {
  const notes: { message: string; span: Span }[] = [];
  // Windows begin and end within rows: of those shorter than a row nothing is exact.
  const every = rowMs >= 3_600_000 ? `${rowMs / 3_600_000}h` : `${rowMs / 60_000}m`;
  const rewritten = mapped(expr, (call) => {
    const [matrix] = call.args.filter(({ kind }) => kind === "matrix_selector");
    if (matrix?.kind !== "matrix_selector") return call;
    const { name } = call.func;
    if (!exact.has(name))
      notes.push({
        message: `of days that are kept as one row per ${every}, ${name} sees only the last sample of each row`,
        span: call.span,
      });
    else if (matrix.rangeExpr === undefined && matrix.rangeMs < rowMs)
      notes.push({
        message: `of days that are kept as one row per ${every}, a shorter range sees whole rows or none`,
        span: matrix.span,
      });
    if (name === "count_over_time") return counts(call);
    return name === "avg_over_time"
      ? {
          kind: "binary",
          op: "/",
          left: sums(call),
          right: counts(call),
          bool: false,
          matching: ONE_TO_ONE,
          span: call.span,
        }
      : call;
  });
  return { expr: rewritten, notes };
}

type Call = Extract<PromqlExpr, { kind: "call" }>;
type Binary = Extract<PromqlExpr, { kind: "binary" }>;

const ONE_TO_ONE: Binary["matching"] = { card: "one-to-one", labels: [], on: false, include: [] };

const sumOverTime = promqlFunctions.find(({ name }) => name === "sum_over_time");

function sums(call: Call): Call {
  assert(sumOverTime !== undefined, "there is sum_over_time");
  return { ...call, func: sumOverTime };
}

function counts(call: Call): Call {
  const args = call.args.map((arg): PromqlExpr => {
    if (arg.kind !== "matrix_selector") return arg;
    const { selector } = arg;
    return { ...arg, selector: { ...selector, matchers: [...selector.matchers, COUNT_MARK] } };
  });
  return { ...sums(call), args };
}

/** The expression with other calls, from the leaves up. */
function mapped(expr: PromqlExpr, change: (call: Call) => PromqlExpr): PromqlExpr {
  const inner = (one: PromqlExpr): PromqlExpr => mapped(one, change);
  switch (expr.kind) {
    case "call":
      return change({ ...expr, args: expr.args.map(inner) });
    case "binary":
      return { ...expr, left: inner(expr.left), right: inner(expr.right) };
    case "aggregate":
      return {
        ...expr,
        expr: inner(expr.expr),
        ...(expr.param === undefined ? {} : { param: inner(expr.param) }),
      };
    case "unary":
    case "paren":
    case "subquery":
      return { ...expr, expr: inner(expr.expr) };
    default:
      return expr;
  }
}

type Shifted = Extract<PromqlExpr, { kind: "vector_selector" | "subquery" }>;

function shiftMs({ at, offsetMs, offsetExpr }: Shifted): number {
  if (at !== undefined || offsetExpr !== undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, offsetMs);
}

/** How far before its time a query may read; what it pins to a time may be anywhere. */
export function reachMs(expr: PromqlExpr): number {
  const own = ((): number => {
    switch (expr.kind) {
      case "vector_selector":
        return shiftMs(expr);
      case "matrix_selector":
        return expr.rangeMs + shiftMs(expr.selector);
      case "subquery":
        return expr.rangeMs + shiftMs(expr);
      default:
        return 0;
    }
  })();
  const children = expr.kind === "matrix_selector" ? [] : promqlChildren(expr);
  return own + children.reduce((max, child) => Math.max(max, reachMs(child)), 0);
}
