/** Runs metric queries of LogQL on the store. */
import { evaluateLogql, type LogqlValue, type MetricExpr } from "@triptych/lang";
import { compileRegex } from "../../regex/compile.ts";
import type { LogAsk } from "../logs/source.ts";
import { createPacing } from "../pacing.ts";
import { createLineSource } from "./line-source.ts";
import { pipelineDeps } from "./pipeline-deps.ts";
import type { RunDeps } from "./run-logs.ts";

export function runMetricQuery(
  { engine, clock, limits, keys }: RunDeps,
  question: {
    readonly expr: MetricExpr;
    readonly startMs: number;
    readonly endMs: number;
    /** Absent: one instant, `startMs`. */
    readonly stepMs: number | undefined;
  },
  ask: LogAsk,
): Promise<LogqlValue> {
  const { expr, ...times } = question;
  const pacing = createPacing(ask.signal, ask.priority);
  const options = {
    ...times,
    deps: pipelineDeps(clock),
    compileRegex,
    levelFallback: true,
    take: (bytes: number) => ask.memory?.take(bytes),
    pause: () => pacing.pause(),
  };
  return evaluateLogql(expr, options, createLineSource({ engine, limits, keys }, ask));
}
