/** `offset`, `@`, `anchored` and `smoothed` put on what stands before them. */
import { invalidAt } from "../source.ts";
import type { AtTime, PromqlExpr } from "./ast.ts";
import { type DurationTree, durationValueMs } from "./duration-parser.ts";

const AFTER =
  "must be preceded by an instant vector selector or range vector selector or a subquery";

interface Time {
  readonly offsetMs: number;
  readonly offsetExpr?: Extract<DurationTree, { kind: "duration" }> | undefined;
  readonly at?: AtTime | undefined;
}

/** Changes the time of a selector or subquery; `undefined` when there is none to change. */
function withTime(
  expr: PromqlExpr,
  change: (time: Time) => Time,
  end: number,
): PromqlExpr | undefined {
  const span = { start: expr.span.start, end };
  if (expr.kind === "vector_selector" || expr.kind === "subquery")
    return { ...expr, ...change(expr), span };
  if (expr.kind !== "matrix_selector") return undefined;
  return { ...expr, selector: { ...expr.selector, ...change(expr.selector) }, span };
}

export function offsetBy(expr: PromqlExpr, offset: DurationTree, end: number): PromqlExpr {
  const { start } = expr.span;
  const changed = withTime(
    expr,
    (time) => {
      if (time.offsetMs !== 0 || time.offsetExpr !== undefined)
        throw invalidAt(start, "offset may not be set multiple times");
      const offsetExpr = offset.kind === "duration" ? offset : undefined;
      return { ...time, offsetMs: durationValueMs(offset), offsetExpr };
    },
    end,
  );
  if (changed === undefined) throw invalidAt(start, `offset modifier ${AFTER}`);
  return changed;
}

export function anchorAt(expr: PromqlExpr, at: AtTime, end: number): PromqlExpr {
  const { start } = expr.span;
  const changed = withTime(
    expr,
    (time) => {
      if (time.at !== undefined)
        throw invalidAt(start, "@ <timestamp> may not be set multiple times");
      return { ...time, at };
    },
    end,
  );
  if (changed === undefined) throw invalidAt(start, `@ modifier ${AFTER}`);
  return changed;
}

export function extendBy(expr: PromqlExpr, extended: "anchored" | "smoothed"): PromqlExpr {
  const { start } = expr.span;
  const selector = expr.kind === "matrix_selector" ? expr.selector : expr;
  if (selector.kind === "subquery")
    throw invalidAt(start, `${extended} modifier is not supported for subqueries`);
  if (selector.kind !== "vector_selector")
    throw invalidAt(start, `${extended} modifier not implemented`);
  if (selector.extended !== undefined && selector.extended !== extended)
    throw invalidAt(start, "anchored and smoothed modifiers cannot be used together");
  const changed = { ...selector, extended };
  return expr.kind === "matrix_selector" ? { ...expr, selector: changed } : changed;
}
