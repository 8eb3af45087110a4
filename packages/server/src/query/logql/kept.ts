/** Range queries of LogQL whose steps are kept. */
import type { Grid, LogqlStage, LogqlValue, MetricExpr } from "@triptych/lang";
import { type ComputedRows, keptBytes, type KeptSteps } from "../kept-steps.ts";
import type { LogAsk } from "../logs/source.ts";
import { createPacing } from "../pacing.ts";
import { runMetricQuery } from "./run-metrics.ts";
import type { RunDeps } from "./run-logs.ts";

/** Like `runMetricQuery`; of a range query whose last steps alone are new, only those are computed. */
export async function runKeptMetricQuery(
  deps: RunDeps & { readonly kept: KeptSteps | undefined },
  question: Parameters<typeof runMetricQuery>[1] & { readonly text: string },
  ask: LogAsk,
): Promise<LogqlValue> {
  const { text, expr, startMs, endMs, stepMs } = question;
  const { kept } = deps;
  if (kept === undefined || stepMs === undefined || endMs <= startMs || !isOfStep(expr))
    return runMetricQuery(deps, question, ask);
  const grid = { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 };
  const compute = async (rest: Grid): Promise<ComputedRows> => {
    const last = rest.startMs + (rest.count - 1) * stepMs;
    const value = await runMetricQuery(
      deps,
      { expr, stepMs, startMs: rest.startMs, endMs: last },
      ask,
    );
    return { rows: value.kind === "range" ? value.rows : [], mayKeep: true };
  };
  const pacing = createPacing(ask.signal, ask.priority);
  const asked = { key: text, signal: "logs", grid } as const;
  const rows = await kept.rows(asked, compute, () => pacing.pause());
  ask.memory?.take(keptBytes(rows.length, grid));
  return { kind: "range", rows, grid };
}

/** Whether a value depends on lines up to its step alone: not on later ones, and not on the time of asking. */
function isOfStep(expr: MetricExpr): boolean {
  switch (expr.kind) {
    case "range_aggregation":
      return expr.offsetMs >= 0 && !expr.query.stages.some(saysNow);
    case "vector_aggregation":
    case "label_replace":
      return isOfStep(expr.expr);
    case "binary":
      return isOfStep(expr.left) && isOfStep(expr.right);
    case "number":
    case "vector":
      return true;
  }
}

/** A template may print the time of asking; one that only looks like it costs nothing but being computed. */
function saysNow(stage: LogqlStage): boolean {
  if (stage.kind === "line_format") return stage.template.includes("now");
  if (stage.kind !== "label_format") return false;
  return stage.formats.some((format) => format.kind === "template" && format.value.includes("now"));
}
