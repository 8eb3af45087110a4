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
import type { Ask, HistogramSample, MetricsSource, SampleColumns, SampleRange } from "./source.ts";

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
  // A series is of one kind nearly always: only those without floats are asked for histograms.
  const rest = ids.filter((id) => !floats.has(id));
  const histograms = await histogramsById(source, { ids: rest, range }, ask);
  return series.sort(byLabels).flatMap(({ id, labels }) => {
    const found = floats.get(id);
    const points = histograms.get(id) ?? [];
    if (found === undefined && points.length === 0) return [];
    return [
      seriesInMemory({ labels: labelsOf(labels), floats: found ?? noFloats, histograms: points }),
    ];
  });
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
