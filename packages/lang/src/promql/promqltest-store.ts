/** The samples of a test script, in memory; histograms are told apart from their resets as a database would. */
import type { Matcher } from "../matcher.ts";
import {
  type FloatSamples,
  type HistogramPoint,
  type PromqlSource,
  seriesInMemory,
  type SourceSeries,
} from "./series.ts";
import {
  CUSTOM_SCHEMA,
  emptyHistogram,
  type Histogram,
  type ResetHint,
  sameBounds,
  wasReset,
} from "./histogram.ts";
import {
  dropLabels,
  type Labels,
  labelValue,
  METRIC_NAME,
  metricName,
  withLabel,
} from "./labels.ts";
import { isStaleHistogram } from "./load.ts";
import { matcherTest } from "./match.ts";
import type { CompileRegex } from "./regex.ts";

export interface LoadedSample {
  readonly timeMs: number;
  /** 0: not known. */
  readonly startMs: number;
  readonly value: number | Histogram;
}

interface Columns extends FloatSamples {
  readonly histograms: readonly HistogramPoint[];
}

interface Range {
  readonly afterMs: number;
  readonly toMs: number;
}

interface Stored {
  readonly labels: Labels;
  readonly samples: Map<number, LoadedSample>;
  cut: Columns | undefined;
}

export class TestStore implements PromqlSource {
  private readonly series = new Map<string, Stored>();
  private readonly compileRegex: CompileRegex;
  private added = 0;

  constructor(compileRegex: CompileRegex) {
    this.compileRegex = compileRegex;
  }

  add(labels: Labels, samples: readonly LoadedSample[]): void {
    const known = this.series.get(labels.key) ?? { labels, samples: new Map(), cut: undefined };
    this.series.set(labels.key, known);
    for (const sample of samples) known.samples.set(sample.timeMs, sample);
    known.cut = undefined;
    this.added++;
  }

  /** How often something was added; so that copies know when they are old. */
  get version(): number {
    return this.added;
  }

  /** All that was loaded, in order of time. */
  all(): { readonly labels: Labels; readonly samples: readonly LoadedSample[] }[] {
    return [...this.series.values()].map(({ labels, samples }) => ({
      labels,
      samples: [...samples.values()].sort((a, b) => a.timeMs - b.timeMs),
    }));
  }

  async select(matchers: readonly Matcher[], range: Range): Promise<SourceSeries[]> {
    const tests = matchers.map((matcher) => ({
      name: matcher.name,
      test: matcherTest(matcher, this.compileRegex),
    }));
    const out: SourceSeries[] = [];
    for (const stored of this.series.values()) {
      if (!tests.every(({ name, test }) => test(labelValue(stored.labels, name)))) continue;
      stored.cut ??= columnsOf(stored);
      const found = between(stored.cut, stored.labels, range);
      if (found.floatCount + found.histograms.length > 0) out.push(found);
    }
    const text = ({ labels }: SourceSeries): string => JSON.stringify(labels.pairs);
    return out.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  }
}

function between(columns: Columns, labels: Labels, { afterMs, toMs }: Range): SourceSeries {
  const { timeMs, value, startMs, histograms } = columns;
  const from = timeMs.findIndex((t) => t > afterMs);
  const start = from < 0 ? timeMs.length : from;
  const past = timeMs.findIndex((t) => t > toMs);
  const end = past < 0 ? timeMs.length : past;
  return seriesInMemory({
    labels,
    floats: {
      timeMs: timeMs.slice(start, end),
      value: value.slice(start, end),
      startMs: startMs?.slice(start, end),
    },
    histograms: histograms.filter((point) => point.timeMs > afterMs && point.timeMs <= toMs),
  });
}

function columnsOf({ samples }: Stored): Columns {
  const sorted = [...samples.values()].sort((a, b) => a.timeMs - b.timeMs);
  const floats = sorted.filter((sample) => typeof sample.value === "number");
  return {
    timeMs: Float64Array.from(floats, (sample) => sample.timeMs),
    value: Float64Array.from(floats, (sample) => sample.value as number),
    startMs: floats.some((sample) => sample.startMs !== 0)
      ? Float64Array.from(floats, (sample) => sample.startMs)
      : undefined,
    histograms: withHints(sorted),
  };
}

/** Within a stretch without resets all but the first are known not to be reset; of the first nothing is known. */
function withHints(samples: readonly LoadedSample[]): HistogramPoint[] {
  const out: HistogramPoint[] = [];
  let previous: Histogram | undefined;
  for (const { timeMs, startMs, value } of samples) {
    if (typeof value === "number") {
      previous = undefined;
      continue;
    }
    const hint = hintOf(value, previous);
    out.push({ timeMs, startMs, histogram: { ...value, hint } });
    previous = value;
  }
  return out;
}

function hintOf(histogram: Histogram, previous: Histogram | undefined): ResetHint {
  if (histogram.hint === "gauge") return "gauge";
  if (histogram.hint === "reset") return "unknown";
  if (previous === undefined || previous.hint === "gauge") return "unknown";
  if (isStaleHistogram(histogram)) return "not_reset";
  if (isStaleHistogram(previous)) return "unknown";
  const follows = isSameLayout(histogram, previous) && !wasReset(histogram, previous);
  return follows ? "not_reset" : "unknown";
}

function isSameLayout(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    sameBounds(a.customValues, b.customValues)
  );
}

const SUFFIX = /_(bucket|count|sum)$/;

interface Classic {
  readonly labels: Labels;
  readonly atTime: Map<number, { buckets: Map<number, number>; count?: number; sum?: number }>;
}

/** Native histograms with custom buckets made of the classic ones that are loaded. */
export function customHistograms(
  loaded: readonly { readonly labels: Labels; readonly samples: readonly LoadedSample[] }[],
): { labels: Labels; samples: LoadedSample[] }[] {
  const found = new Map<string, Classic>();
  for (const { labels, samples } of loaded) {
    const name = metricName(labels);
    const suffix = SUFFIX.exec(name)?.[1];
    if (suffix === undefined) continue;
    const le = labelValue(labels, "le");
    const upper = /inf/i.test(le) ? Number.POSITIVE_INFINITY : Number(le === "" ? Number.NaN : le);
    if (suffix === "bucket" && Number.isNaN(upper)) continue;
    const base = withLabel(
      dropLabels(labels, new Set(["le"])),
      METRIC_NAME,
      name.replace(SUFFIX, ""),
    );
    const classic = found.get(base.key) ?? { labels: base, atTime: new Map() };
    found.set(base.key, classic);
    for (const { timeMs, value } of samples) {
      if (typeof value !== "number") continue;
      const at = classic.atTime.get(timeMs) ?? { buckets: new Map() };
      classic.atTime.set(timeMs, at);
      if (suffix === "bucket") at.buckets.set(upper, value);
      else at[suffix as "count" | "sum"] = value;
    }
  }
  return [...found.values()].map(({ labels, atTime }) => ({
    labels,
    samples: [...atTime].map(([timeMs, at]) => ({
      timeMs,
      startMs: 0,
      value: customHistogram(at.buckets, at),
    })),
  }));
}

function customHistogram(
  cumulative: ReadonlyMap<number, number>,
  { count, sum = 0 }: { readonly count?: number; readonly sum?: number },
): Histogram {
  const sorted = [...cumulative].sort(([a], [b]) => a - b);
  const total = count ?? sorted.at(-1)?.[1] ?? 0;
  const customValues = sorted.map(([upper]) => upper).filter((upper) => Number.isFinite(upper));
  const counts: number[] = [];
  let before = 0;
  for (const [upper, upTo] of sorted) {
    if (!Number.isFinite(upper)) continue;
    counts.push(upTo - before);
    before = upTo;
  }
  counts.push(total - before);
  return {
    ...emptyHistogram,
    schema: CUSTOM_SCHEMA,
    count: total,
    sum,
    customValues,
    positive: {
      index: Int32Array.from(counts, (_count, i) => i),
      count: Float64Array.from(counts),
    },
  };
}
