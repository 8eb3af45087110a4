/** Metric data as the PromQL evaluator takes it, and the evaluator as the server runs it. */

import {
  evaluatePromql,
  type Histogram,
  type HistogramPoint,
  labelsOf,
  type PromqlExpr,
  type PromqlResult,
  type PromqlSource,
  type ResetHint,
  seriesInMemory,
  type SourceSeries,
} from "@triptych/lang";
import { defaultLimits, TriptychError } from "@triptych/model";
import { storeMatcher } from "../metrics/matchers.ts";
import { byLabels } from "../metrics/series-order.ts";
import type { Ask, HistogramSample, MetricsSource } from "../metrics/source.ts";
import { createPacing } from "../pacing.ts";
import { compileRegex } from "../../regex/compile.ts";

export interface PromqlTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
}

/** Runs a query over metric data; ends with `query_timeout` or `query_cancelled` as `ask` says. */
export function runPromql(
  source: MetricsSource,
  expr: PromqlExpr,
  { times, ask }: { readonly times: PromqlTimes; readonly ask: Ask },
): Promise<PromqlResult> {
  const pacing = createPacing(ask.signal);
  const timeoutMs = ask.timeoutMs ?? defaultLimits.queryTimeoutMs;
  // The process's monotonic time: a limit of work, not a time of data.
  const deadlineMs = performance.now() + timeoutMs;
  return evaluatePromql(
    expr,
    {
      ...times,
      samplesMax: defaultLimits.querySamplesMax,
      compileRegex,
      pause() {
        if (performance.now() > deadlineMs)
          throw new TriptychError("query_timeout", "query timed out in expression evaluation");
        return pacing.pause();
      },
    },
    promqlSource(source, ask),
  );
}

/** For one query: a selector that stands in it twice is read once. */
export function promqlSource(source: MetricsSource, ask: Ask): PromqlSource {
  const known = new Map<string, Promise<readonly SourceSeries[]>>();
  return {
    select(matchers, range) {
      const wanted = matchers.map(storeMatcher);
      const key = JSON.stringify([wanted, range]);
      const found = known.get(key) ?? read(source, { wanted, range, ask });
      known.set(key, found);
      return found;
    },
  };
}

async function read(
  source: MetricsSource,
  what: {
    readonly wanted: ReturnType<typeof storeMatcher>[];
    readonly range: { readonly afterMs: number; readonly toMs: number };
    readonly ask: Ask;
  },
): Promise<readonly SourceSeries[]> {
  const { wanted, ask } = what;
  // The store keeps whole milliseconds.
  const range = { afterMs: Math.floor(what.range.afterMs), toMs: Math.floor(what.range.toMs) };
  const series = await source.selectSeries(
    wanted,
    { fromMs: range.afterMs, toMs: range.toMs },
    ask,
  );
  const ids = series.map((one) => one.id);
  if (ids.length === 0) return [];
  const columns = await source.readSamples(ids, range, ask);
  const places = new Map(columns.ids.map((id, at) => [id, at]));
  // A series is of one kind nearly always: only those without floats are asked for histograms.
  const rest = ids.filter((id) => !places.has(id));
  const histograms = new Map<bigint, HistogramPoint[]>();
  for (const sample of rest.length === 0 ? [] : await source.readHistograms(rest, range, ask)) {
    const list = histograms.get(sample.id) ?? [];
    histograms.set(sample.id, list);
    list.push({ timeMs: sample.timeMs, startMs: 0, histogram: histogramOf(sample) });
  }
  return series.sort(byLabels).flatMap(({ id, labels }) => {
    const at = places.get(id) ?? -1;
    const points = histograms.get(id) ?? [];
    if (at < 0 && points.length === 0) return [];
    const start = at < 0 ? 0 : (columns.offsets[at] as number);
    const end = at < 0 ? 0 : (columns.offsets[at + 1] as number);
    const timeMs = columns.timeMs.subarray(start, end);
    const floats = { timeMs, value: columns.value.subarray(start, end) };
    return [seriesInMemory({ labels: labelsOf(labels), floats, histograms: points })];
  });
}

/** The numbers that remote write and the store use. */
const HINTS: readonly ResetHint[] = ["unknown", "reset", "not_reset", "gauge"];

function histogramOf(sample: HistogramSample): Histogram {
  const side = (buckets: HistogramSample["positive"]) => ({
    index: Int32Array.from(buckets, ([index]) => index),
    count: Float64Array.from(buckets, ([, count]) => count),
  });
  const { schema, zeroThreshold, zeroCount, count, sum, customValues } = sample;
  // What the sender knew of resets holds for its own stream; samples may be missing here.
  const hint = HINTS[sample.resetHint] === "gauge" ? "gauge" : "unknown";
  return {
    hint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    customValues,
    positive: side(sample.positive),
    negative: side(sample.negative),
  };
}
