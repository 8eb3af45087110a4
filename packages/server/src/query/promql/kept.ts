/** Range queries of PromQL whose steps are kept. */
import {
  Annotations,
  type Grid,
  type PromqlExpr,
  type PromqlResult,
  promqlChildren,
} from "@triptych/lang";
import { type ComputedRows, keptBytes, type KeptSteps } from "../kept-steps.ts";
import type { Ask, MetricsSource } from "../metrics/source.ts";
import { createPacing } from "../pacing.ts";
import { reachMs } from "./coarse.ts";
import { LOOKBACK_MS, type PromqlTimes, runPromql } from "./source.ts";

/** Like `runPromql`; of a range query whose last steps alone are new, only those are computed. */
export async function runKeptPromql(
  { source, kept }: { readonly source: MetricsSource; readonly kept: KeptSteps | undefined },
  { text, expr }: { readonly text: string; readonly expr: PromqlExpr },
  question: { readonly times: PromqlTimes; readonly ask: Ask },
): Promise<PromqlResult> {
  const { times, ask } = question;
  const { startMs, endMs, stepMs, countEvaluated } = times;
  const run = (some: Partial<PromqlTimes>): Promise<PromqlResult> =>
    runPromql(source, expr, { times: { ...times, ...some }, ask });
  if (kept === undefined || stepMs === undefined || endMs <= startMs) return run({});
  if (countEvaluated === true || !isOfStep(expr) || (await isCoarse(source, expr, times)))
    return run({});
  const grid = { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 };
  const { lookbackMs, subqueryIntervalMs } = times;
  let last: PromqlResult | undefined;
  const key = JSON.stringify([text, lookbackMs, subqueryIntervalMs]);
  const compute = async (rest: Grid): Promise<ComputedRows> => {
    // One step is a range too: its answer is read as one.
    last = await run({ startMs: rest.startMs, endMs: rest.startMs + (rest.count - 1) * stepMs });
    const { value, annotations } = last;
    return { rows: value.kind === "range" ? value.rows : [], mayKeep: annotations.isEmpty };
  };
  const pacing = createPacing(ask.signal, ask.priority);
  const asked = { key, signal: "samples", grid } as const;
  const rows = await kept.rows(asked, compute, () => pacing.pause());
  ask.memory?.take(keptBytes(rows.length, grid));
  return {
    annotations: last?.annotations ?? new Annotations(),
    samplesRead: last?.samplesRead ?? 0,
    value: { kind: "range", rows, grid },
  };
}

/** Of downsampled times all steps are read otherwise, also those that are not. */
async function isCoarse(
  source: MetricsSource,
  expr: PromqlExpr,
  { startMs, endMs }: PromqlTimes,
): Promise<boolean> {
  const afterMs = Math.max(0, startMs - LOOKBACK_MS - reachMs(expr));
  return ((await source.coarsestMs?.({ afterMs, toMs: endMs })) ?? 0) > 0;
}

/** Whether a value depends on samples up to its step and on no other step, nor on where the steps begin and end. */
function isOfStep(expr: PromqlExpr): boolean {
  switch (expr.kind) {
    case "vector_selector":
      return isUnshifted(expr) && expr.extended !== "smoothed";
    case "matrix_selector":
      return !saysRange(expr.rangeExpr) && isOfStep(expr.selector);
    case "subquery":
      return (
        isUnshifted(expr) &&
        !saysRange(expr.rangeExpr) &&
        !saysRange(expr.intervalExpr) &&
        isOfStep(expr.expr)
      );
    case "call":
      // `info` looks for its series over the whole range.
      return !OF_RANGE.has(expr.func.name) && expr.args.every(isOfStep);
    default:
      return promqlChildren(expr).every(isOfStep);
  }
}

const OF_RANGE = new Set(["start", "end", "range", "step", "info"]);

function isUnshifted({
  at,
  offsetMs,
  offsetExpr,
}: Pick<Extract<PromqlExpr, { kind: "subquery" }>, "at" | "offsetMs" | "offsetExpr">): boolean {
  return at === undefined && offsetMs >= 0 && offsetExpr === undefined;
}

function saysRange(expr: Extract<PromqlExpr, { kind: "subquery" }>["rangeExpr"]): boolean {
  if (expr === undefined) return false;
  const { op, left, right } = expr;
  const says = (side: typeof left): boolean => side?.kind === "duration" && saysRange(side);
  return op === "range" || op === "step" || says(left) || says(right);
}
