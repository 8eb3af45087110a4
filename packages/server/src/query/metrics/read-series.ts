/** Series with their samples, as the PromQL evaluator takes them, from a source of ids and columns. */
import {
  type Histogram,
  type HistogramPoint,
  labelsOf,
  type Matcher,
  type ResetHint,
  seriesInMemory,
  type SourceSeries,
} from "@triptych/lang";
import type { SampleColumn } from "../../store/clickhouse/select/samples.ts";
import { storeMatcher } from "./matchers.ts";
import { byLabels } from "./series-order.ts";
import type {
  Ask,
  HistogramSample,
  MetricsSource,
  SampleColumns,
  SampleRange,
  Series,
} from "./source.ts";

/** The series that match all, with their samples in the range, in the order of their labels. */
export async function readSeries(
  source: MetricsSource,
  matchers: readonly Matcher[],
  range: SampleRange,
  ask: Ask,
  column?: SampleColumn,
): Promise<readonly SourceSeries[]> {
  const wanted = matchers.map(storeMatcher);
  const days = { fromMs: range.afterMs, toMs: range.toMs };
  const series = await source.selectSeries(wanted, days, ask);
  if (series.length === 0) return [];
  const ids = series.map((one) => one.id);
  const floats = floatsById(await source.readSamples(ids, range, ask, column));
  const histograms = await histogramsById(source, { ids, range }, ask);
  return series.sort(byLabels).flatMap(({ id, labels }) => {
    const found = floats.get(id);
    const points = histograms.get(id) ?? [];
    if (found === undefined && points.length === 0) return [];
    return [seriesOf(labels, { floats: found ?? noFloats, points, column })];
  });
}

/** A series of what the store gave; where counts are asked for, each histogram counts one. */
export function seriesOf(
  labels: Series["labels"],
  given: {
    readonly floats: Floats;
    readonly points: readonly HistogramPoint[];
    readonly column: SampleColumn | undefined;
  },
): SourceSeries {
  const { floats, points, column } = given;
  const named = labelsOf(labels);
  if (column !== "Count" || points.length === 0)
    return seriesInMemory({ labels: named, floats, histograms: points });
  return seriesInMemory({ labels: named, floats: withOnes(floats, points), histograms: [] });
}

/** Floats and a 1 for each histogram, in order of time. */
export function withOnes(floats: Floats, points: readonly HistogramPoint[]): Floats {
  const count = floats.timeMs.length + points.length;
  const timeMs = new Float64Array(count);
  const value = new Float64Array(count);
  let float = 0;
  let point = 0;
  for (let at = 0; at < count; at++) {
    const next = points[point]?.timeMs ?? Number.POSITIVE_INFINITY;
    const isFloat = float < floats.timeMs.length && (floats.timeMs[float] as number) <= next;
    timeMs[at] = isFloat ? (floats.timeMs[float] as number) : next;
    // A copy of memory: a marker of a series' end keeps its bits.
    if (isFloat) value.set(floats.value.subarray(float, float + 1), at);
    else value[at] = 1;
    if (isFloat) float++;
    else point++;
  }
  return { timeMs, value };
}

type Floats = { readonly timeMs: Float64Array; readonly value: Float64Array };

export const noFloats: Floats = { timeMs: new Float64Array(0), value: new Float64Array(0) };

/** Views of the columns. */
export function floatsById({ ids, offsets, timeMs, value }: SampleColumns): Map<bigint, Floats> {
  return new Map(
    ids.map((id, at) => {
      const start = offsets[at] as number;
      const end = offsets[at + 1] as number;
      return [id, { timeMs: timeMs.subarray(start, end), value: value.subarray(start, end) }];
    }),
  );
}

export async function histogramsById(
  source: MetricsSource,
  { ids, range }: { readonly ids: readonly bigint[]; readonly range: SampleRange },
  ask: Ask,
): Promise<Map<bigint, HistogramPoint[]>> {
  const histograms = new Map<bigint, HistogramPoint[]>();
  if (ids.length === 0) return histograms;
  for (const sample of await source.readHistograms(ids, range, ask)) {
    const list = histograms.get(sample.id) ?? [];
    histograms.set(sample.id, list);
    list.push({ timeMs: sample.timeMs, startMs: 0, histogram: histogramOf(sample) });
  }
  return histograms;
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
