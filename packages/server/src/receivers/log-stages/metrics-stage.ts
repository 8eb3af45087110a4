/** `metrics`: counters, gauges and histograms of extracted values. They change once a line is durable. */
import type { StageConfig } from "../../config/promtail/stages.ts";
import { type Entry, perEntry, type Stage, type StageDeps, textOf } from "./entry.ts";
import type { FamilySpec, Series, StageMetrics } from "./stage-metrics.ts";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** prometheus client's own. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type MetricPlan = StageConfig<"metrics"> extends ReadonlyMap<string, infer T> ? T : never;

export function metricsStage(config: StageConfig<"metrics">, { metrics }: StageDeps): Stage {
  const updates = [...config].map(([name, one]) => metricUpdate(name, one, metrics));
  return perEntry((entry, context) => {
    for (const update of updates) {
      const change = update(entry);
      if (change !== undefined) context.whenDone(entry.from, change);
    }
    return true;
  });
}

function metricUpdate(
  name: string,
  plan: MetricPlan,
  metrics: StageMetrics,
): (entry: Entry) => (() => void) | undefined {
  const full = `${plan.prefix || "promtail_custom_"}${name}`;
  if (!METRIC_NAME.test(full)) throw new Error(`${JSON.stringify(full)} is no metric name`);
  const buckets = plan.config.buckets.length > 0 ? plan.config.buckets : BUCKETS;
  const family = metrics.family({
    name: full,
    type: plan.type as FamilySpec["type"],
    help: plan.description,
    buckets: plan.type === "histogram" ? [...buckets].sort((a, b) => a - b) : [],
    idleMs: plan.max_idle_duration,
  });
  const source = plan.source || name;
  return (entry) => {
    const given = givenOf(entry, plan, source);
    if (given === undefined) return undefined;
    const { value: wanted, action } = plan.config;
    if (wanted !== undefined && given !== wanted) return undefined;
    const number = action === "inc" || action === "dec" ? 1 : Number(given);
    if (!Number.isFinite(number)) return undefined;
    if (plan.type === "counter" && number < 0) return undefined;
    const labels = new Map(entry.labels);
    return () => family.change(labels, (series) => apply(series, { action, number, buckets }));
  };
}

function givenOf(entry: Entry, plan: MetricPlan, source: string): string | undefined {
  if (plan.config.match_all)
    return plan.config.count_entry_bytes ? String(Buffer.byteLength(entry.line)) : "1";
  return textOf(entry.extracted.get(source));
}

function apply(
  series: Series,
  how: { readonly action: string; readonly number: number; readonly buckets: readonly number[] },
): void {
  const { action, number } = how;
  if (action === "set") series.value = number;
  else series.value += action === "dec" || action === "sub" ? -number : number;
  series.count++;
  if (action === "")
    for (const [i, bound] of how.buckets.entries())
      if (number <= bound) series.buckets[i] = (series.buckets[i] ?? 0) + 1;
}
