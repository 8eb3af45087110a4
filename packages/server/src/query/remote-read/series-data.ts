/**
 * Series with all their samples, for those who take data out rather than compute with it: remote read and federation.
 * They come in groups, so that a large selection is never held at once.
 */
import { STALE_NAN_WORDS } from "@triptych/model";
import type { BucketRuns, HistogramMessage, ReadSeries } from "@triptych/wire";
import { byLabels } from "../metrics/series-order.ts";
import type {
  Ask,
  HistogramSample,
  MetricsSource,
  SampleRange,
  Series,
  SeriesMatcher,
} from "../metrics/source.ts";

/** Samples that a group should have about: 8 MB, some tens of milliseconds of reading. */
const SAMPLES_PER_GROUP = 500_000;
const SERIES_PER_GROUP_MAX = 2_000;
/** To guess how many samples a series has before the first group is read. */
const INTERVAL_MS_GUESS = 15_000;

export interface SeriesQuestion {
  readonly matchers: readonly SeriesMatcher[];
  readonly range: SampleRange;
}

/** Series sorted by their labels; those without samples in the range are left out. Markers of staleness are among the samples. */
export async function* readSeriesData(
  source: MetricsSource,
  { matchers, range }: SeriesQuestion,
  ask: Ask,
): AsyncGenerator<ReadSeries[]> {
  const fromTo = { fromMs: range.afterMs + 1, toMs: range.toMs };
  const series = (await source.selectSeries(matchers, fromTo, ask)).sort(byLabels);
  const perSeries = Math.max(1, (range.toMs - range.afterMs) / INTERVAL_MS_GUESS);
  let size = Math.max(1, Math.min(SERIES_PER_GROUP_MAX, Math.floor(SAMPLES_PER_GROUP / perSeries)));
  for (let at = 0; at < series.length; ) {
    const group = series.slice(at, at + size);
    at += group.length;
    const held = ask.memory?.bytes ?? 0;
    const { found, samples } = await readGroup(source, { series: group, range }, ask);
    const read = (ask.memory?.bytes ?? 0) - held;
    if (found.length > 0) yield found;
    ask.memory?.give(read);
    if (samples < SAMPLES_PER_GROUP / 4) size = Math.min(SERIES_PER_GROUP_MAX, size * 2);
    else if (samples > SAMPLES_PER_GROUP * 2) size = Math.max(1, Math.floor(size / 2));
  }
}

async function readGroup(
  source: MetricsSource,
  { series, range }: { readonly series: readonly Series[]; readonly range: SampleRange },
  ask: Ask,
): Promise<{ found: ReadSeries[]; samples: number }> {
  const ids = series.map(({ id }) => id);
  const columns = await source.readSamples(ids, range, ask);
  const places = new Map(columns.ids.map((id, place) => [id, place]));
  const histograms = new Map<bigint, HistogramMessage[]>();
  const read = await source.readHistograms(ids, range, ask);
  for (const sample of read) {
    const list = histograms.get(sample.id) ?? [];
    histograms.set(sample.id, list);
    list.push(histogramMessage(sample));
  }
  const { timeMs, value, offsets } = columns;
  const valueWords = new Uint32Array(value.buffer, value.byteOffset, value.length * 2);
  const found = series.flatMap(({ id, labels }): ReadSeries[] => {
    const place = places.get(id);
    const mine = histograms.get(id) ?? [];
    if (place === undefined && mine.length === 0) return [];
    const start = place === undefined ? 0 : (offsets[place] as number);
    const end = place === undefined ? 0 : (offsets[place + 1] as number);
    const columnsOf = { labels, timeMs, valueWords, start, end, histograms: mine };
    return [mine.length === 0 || start === end ? columnsOf : withStaleHistograms(columnsOf)];
  });
  return { found, samples: (offsets[columns.ids.length] ?? 0) + read.length * 8 };
}

const STALE = STALE_NAN_WORDS;
const noBuckets: BucketRuns = { gaps: [], lengths: [], counts: [] };

/** The marker of staleness of a series of native histograms is kept as a float; as in Prometheus it is one of them. */
export function withStaleHistograms(series: ReadSeries): ReadSeries {
  const { timeMs, valueWords, start, end } = series;
  const histograms: HistogramMessage[] = [];
  const kept: number[] = [];
  let next = 0;
  for (let row = start; row < end; row++) {
    const atMs = timeMs[row] as number;
    for (; (series.histograms[next]?.timeMs ?? Number.POSITIVE_INFINITY) < atMs; next++)
      histograms.push(series.histograms[next] as HistogramMessage);
    const isStale = valueWords[row * 2] === STALE.low && valueWords[row * 2 + 1] === STALE.high;
    // After a histogram, or first and before one: what is before the range is not known.
    const lastFloat = kept.length === 0 ? Number.NEGATIVE_INFINITY : timeMs[kept.at(-1) as number];
    const lastHistogram = histograms.at(-1)?.timeMs;
    const isOfHistograms =
      lastHistogram === undefined ? kept.length === 0 : lastHistogram > (lastFloat as number);
    if (isStale && isOfHistograms) histograms.push(staleHistogram(atMs));
    else kept.push(row);
  }
  if (kept.length === end - start) return series;
  histograms.push(...series.histograms.slice(next));
  const words = new Uint32Array(kept.length * 2);
  for (const [i, row] of kept.entries())
    words.set(valueWords.subarray(row * 2, row * 2 + 2), i * 2);
  return {
    ...series,
    timeMs: Float64Array.from(kept, (row) => timeMs[row] as number),
    valueWords: words,
    start: 0,
    end: kept.length,
    histograms,
  };
}

function staleHistogram(timeMs: number): HistogramMessage {
  return {
    timeMs,
    startMs: 0,
    schema: 0,
    resetHint: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sumWords: Uint32Array.of(STALE.low, STALE.high),
    positive: noBuckets,
    negative: noBuckets,
    customValues: [],
  };
}

export function histogramMessage(sample: HistogramSample): HistogramMessage {
  const sum = Float64Array.of(sample.sum);
  return {
    ...sample,
    startMs: 0,
    sumWords: new Uint32Array(sum.buffer),
    positive: runsOf(sample.positive),
    negative: runsOf(sample.negative),
  };
}

/** Neighbouring buckets become one run. */
function runsOf(buckets: HistogramSample["positive"]): BucketRuns {
  const gaps: number[] = [];
  const lengths: number[] = [];
  let next = 0;
  for (const [index] of buckets) {
    const last = lengths.length - 1;
    if (last >= 0 && index === next) lengths[last] = (lengths[last] as number) + 1;
    else {
      gaps.push(index - next);
      lengths.push(1);
    }
    next = index + 1;
  }
  return { gaps, lengths, counts: buckets.map(([, count]) => count) };
}
