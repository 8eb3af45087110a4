/** A vector selector evaluated over a grid: its series, their samples, and the row that each step sees. */
import { selectorMatchers, type VectorSelector } from "@triptych/lang";
import { type Grid, LOOKBACK_MS } from "./grid.ts";
import { seriesMatchers } from "./matchers.ts";
import { isStaleHistogram } from "./native-histogram.ts";
import type { Ask, HistogramSample, MetricsSource, SampleColumns, Series } from "./source.ts";

export interface SelectedSeries extends Series {
  /** Place in `columns`, -1 when the series has no float samples in the range. */
  readonly at: number;
  /** Native histograms, ascending in time. */
  readonly histograms: readonly HistogramSample[];
}

export interface Selected {
  /** Sorted by labels; series without any sample are left out. */
  readonly series: readonly SelectedSeries[];
  readonly columns: SampleColumns;
  readonly lookbackMs: number;
}

export async function evaluateSelector(
  source: MetricsSource,
  selector: VectorSelector,
  options: { readonly grid: Grid; readonly lookbackMs?: number | undefined; readonly ask: Ask },
): Promise<Selected> {
  const { grid, ask, lookbackMs = LOOKBACK_MS } = options;
  const toMs = grid.startMs + (grid.count - 1) * grid.stepMs;
  const range = { afterMs: grid.startMs - lookbackMs, toMs };
  const matchers = seriesMatchers(selectorMatchers(selector));
  const found = await source.selectSeries(matchers, { fromMs: range.afterMs, toMs }, ask);
  const ids = found.map((series) => series.id);
  if (ids.length === 0) return { series: [], columns: noSamples(), lookbackMs };
  const columns = await source.readSamples(ids, range, ask);
  const places = new Map(columns.ids.map((id, at) => [id, at]));
  const histograms = new Map<bigint, HistogramSample[]>();
  // A series is of one kind nearly always: only those without floats are asked for histograms.
  const rest = ids.filter((id) => !places.has(id));
  for (const sample of rest.length === 0 ? [] : await source.readHistograms(rest, range, ask)) {
    const list = histograms.get(sample.id);
    if (list === undefined) histograms.set(sample.id, [sample]);
    else list.push(sample);
  }
  const series = found
    .map((one) => ({
      ...one,
      at: places.get(one.id) ?? -1,
      histograms: histograms.get(one.id) ?? [],
    }))
    .filter((one) => one.at >= 0 || one.histograms.length > 0)
    .sort(byLabels);
  return { series, columns, lookbackMs };
}

export const noSamples = (): SampleColumns => ({
  ids: [],
  offsets: new Uint32Array(1),
  timeMs: new Float64Array(0),
  value: new Float64Array(0),
});

/** The histogram that the instant `t` sees. */
export function histogramAt(
  samples: readonly HistogramSample[],
  t: number,
  lookbackMs: number,
): HistogramSample | undefined {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle] as HistogramSample).timeMs <= t) low = middle + 1;
    else high = middle;
  }
  const found = samples[low - 1];
  const seen = found !== undefined && found.timeMs > t - lookbackMs && !isStaleHistogram(found);
  return seen ? found : undefined;
}

export function byLabels(a: Series, b: Series): number {
  const shorter = Math.min(a.labels.length, b.labels.length);
  for (let i = 0; i < shorter; i++) {
    const [nameA, valueA] = a.labels[i] as readonly [string, string];
    const [nameB, valueB] = b.labels[i] as readonly [string, string];
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
  }
  return a.labels.length - b.labels.length;
}
