/**
 * The curves of one metric family: picks what suits its type (rates of counters, quantiles of histograms, averages of
 * gauges), computes it from raw samples over a grid, and groups series by labels.
 */
import type { MetricChartAnswer, MetricFamily } from "@triptych/contract";
import { createPacing, type Pacing } from "../pacing.ts";
import { type ChartQuestion, type Curve, groupLabels, labelsOf, type View } from "./chart-curve.ts";
import { nativeCurves } from "./chart-native.ts";
import { guessType, typeOf } from "./families.ts";
import { type Grid, gridOf, LOOKBACK_MS, liveSamples, rowsAtSteps } from "./grid.ts";
import { storeMatcher } from "./matchers.ts";
import { type Bucket, bucketQuantile } from "./quantile.ts";
import { type LiveSeries, ratesAtSteps } from "./rate.ts";
import { noSamples } from "./series-order.ts";
import type { Ask, MetricsSource, SampleColumns, Series } from "./source.ts";

export type Chart = Pick<
  MetricChartAnswer,
  "view" | "unit" | "from" | "stepMs" | "series" | "seriesTotal" | "exemplars"
>;

const SERIES_SHOWN = 50;
const RATE_WINDOW_MS_MIN = 60_000;
const INTERVALS_PER_WINDOW = 4;
/** A window longer than this hides more than it shows. */
const RATE_WINDOW_MS_MAX = 3_600_000;
const quantiles: { readonly [view in View]?: number } = { p50: 0.5, p95: 0.95, p99: 0.99 };

export async function chart(
  source: MetricsSource,
  question: ChartQuestion,
  ask: Ask,
): Promise<Chart> {
  const family = await findFamily(source, question, ask);
  const view = question.view === "auto" ? automaticView(family.type) : question.view;
  const grid = gridOf(question.fromMs, question.toMs, question.stepMs);
  const job: Job = {
    source,
    question,
    ask,
    family,
    view,
    grid,
    pacing: createPacing(ask.signal, ask.priority),
  };
  const curves = await curvesOf(job);
  const sorted = curves
    .map((curve) => ({ curve, last: lastValue(curve.values) }))
    .sort((a, b) => b.last - a.last);
  const ids = new Map(family.parts.flatMap((part) => part.series).map((one) => [one.id, one]));
  const range = { afterMs: question.fromMs - 1, toMs: question.toMs };
  const exemplars = ids.size === 0 ? [] : await source.readExemplars([...ids.keys()], range, ask);
  return {
    view,
    unit: unitOf(family, view),
    from: grid.startMs,
    stepMs: grid.stepMs,
    series: sorted.slice(0, SERIES_SHOWN).map(({ curve }) => ({
      labels: curve.labels,
      values: Array.from(curve.values, (value) => (Number.isFinite(value) ? value : null)),
    })),
    seriesTotal: curves.length,
    exemplars: exemplars
      .filter(({ value }) => Number.isFinite(value))
      .map((exemplar) => ({
        timeMs: exemplar.timeMs,
        value: exemplar.value,
        traceId: exemplar.traceId,
        labels: labelsOf(ids.get(exemplar.id)?.labels ?? [], null),
      })),
  };
}

interface Part {
  readonly suffix: string;
  readonly series: readonly Series[];
}

interface Family {
  readonly type: MetricFamily["type"];
  readonly unit: string;
  readonly parts: readonly Part[];
}

interface Job {
  readonly source: MetricsSource;
  readonly question: ChartQuestion;
  readonly ask: Ask;
  readonly family: Family;
  readonly view: View;
  readonly grid: Grid;
  readonly pacing: Pacing;
}

const SUFFIXES = ["", "_total", "_bucket", "_count"] as const;

async function findFamily(
  source: MetricsSource,
  { name, fromMs, toMs, matchers }: ChartQuestion,
  ask: Ask,
): Promise<Family> {
  const range = { fromMs: fromMs - LOOKBACK_MS, toMs };
  const others = matchers.map(storeMatcher);
  const select = async (suffix: string): Promise<Part> => {
    const metric = { name: "__name__", op: "=", value: name + suffix } as const;
    return { suffix, series: await source.selectSeries([metric, ...others], range, ask) };
  };
  const [metadata, ...parts] = await Promise.all([
    source.metadata([name], ask),
    ...SUFFIXES.map(select),
  ]);
  const found = parts.filter((part) => part.series.length > 0);
  const known = new Set(found.map((part) => name + part.suffix));
  const entry = metadata[0];
  return {
    type: entry === undefined ? guessType(name, known) : typeOf(entry.type),
    unit: entry?.unit ?? "",
    parts: found,
  };
}

function automaticView(type: MetricFamily["type"]): View {
  if (type === "counter") return "rate";
  return type === "histogram" || type === "gaugehistogram" ? "p95" : "value";
}

function unitOf({ unit }: Family, view: View): string {
  if (view === "rate") return `${unit}/s`;
  return view === "count" ? "/s" : unit;
}

function seriesOf(job: Job, ...suffixes: readonly string[]): readonly Series[] {
  for (const suffix of suffixes) {
    const part = job.family.parts.find((candidate) => candidate.suffix === suffix);
    if (part !== undefined) return part.series;
  }
  return [];
}

async function curvesOf(job: Job): Promise<Curve[]> {
  const { view, family, grid } = job;
  const q = quantiles[view];
  const isHistogram = family.type === "histogram" || family.type === "gaugehistogram";
  const hasClassic = seriesOf(job, "_bucket", "_count").length > 0;
  if ((q !== undefined || view === "count" || view === "rate") && isHistogram && !hasClassic) {
    const series = seriesOf(job, "");
    return nativeCurves({ ...job, series, windowMs: rateWindow(grid.stepMs, 0) }, q);
  }
  if (q !== undefined) {
    const buckets = seriesOf(job, "_bucket");
    return buckets.length > 0 ? quantileCurves(job, buckets, q) : summaryCurves(job, String(q));
  }
  if (view === "count") return rateCurves(job, seriesOf(job, "_count", "_total", ""));
  if (view === "rate") return rateCurves(job, seriesOf(job, "_total", "", "_count"));
  return valueCurves(job, seriesOf(job, "", "_total", "_count"));
}

/** Summaries bring their quantiles along, as series. */
function summaryCurves(job: Job, quantile: string): Promise<Curve[]> {
  const series = seriesOf(job, "").filter((one) => labelOf(one, "quantile") === quantile);
  return valueCurves(job, series);
}

async function valueCurves(job: Job, series: readonly Series[]): Promise<Curve[]> {
  const { grid } = job;
  const backMs = Math.max(LOOKBACK_MS, grid.stepMs);
  const columns = await read(job, series, backMs);
  const groups = new Groups(job.question.by, grid.count, "average");
  const places = placesOf(columns);
  const rows = new Int32Array(grid.count);
  for (const one of series) {
    const at = places.get(one.id);
    if (at === undefined) continue;
    rowsAtSteps(columns, at, { grid, lookbackMs: LOOKBACK_MS, out: rows });
    groups.add(one, averages(columns, at, { grid, rows }));
    await job.pacing.pause();
  }
  return groups.curves();
}

/** The mean of the samples since the step before; between rare samples the last one still counts. */
function averages(
  columns: SampleColumns,
  at: number,
  { grid, rows }: { grid: Grid; rows: Int32Array },
): Float64Array {
  const { timeMs, value } = liveSamples(columns, at);
  const out = new Float64Array(grid.count);
  let low = 0;
  for (let step = 0; step < grid.count; step++) {
    const t = grid.startMs + step * grid.stepMs;
    while (low < timeMs.length && (timeMs[low] as number) <= t - grid.stepMs) low++;
    let sum = 0;
    let count = 0;
    for (let i = low; i < timeMs.length && (timeMs[i] as number) <= t; i++, count++)
      sum += value[i] as number;
    const row = rows[step] as number;
    const last = row < 0 ? Number.NaN : (columns.value[row] as number);
    out[step] = count > 0 && row >= 0 ? sum / count : last;
  }
  return out;
}

async function rateCurves(job: Job, series: readonly Series[]): Promise<Curve[]> {
  const groups = new Groups(job.question.by, job.grid.count, "sum");
  await eachRate(job, series, (one, rates) => groups.add(one, rates));
  return groups.curves();
}

async function quantileCurves(job: Job, series: readonly Series[], q: number): Promise<Curve[]> {
  const { grid, question } = job;
  const groups = new Map<string, { labels: Curve["labels"]; bounds: Map<number, Float64Array> }>();
  await eachRate(job, series, (one, rates) => {
    const upper = boundOf(labelOf(one, "le"));
    if (Number.isNaN(upper)) return;
    const labels = groupLabels(one, question.by);
    const key = JSON.stringify(Object.entries(labels));
    const group = groups.get(key) ?? { labels, bounds: new Map<number, Float64Array>() };
    groups.set(key, group);
    const sums = group.bounds.get(upper);
    if (sums === undefined) group.bounds.set(upper, rates.slice());
    else addInto(sums, rates);
  });
  const curves: Curve[] = [];
  for (const { labels, bounds } of groups.values()) {
    const sorted = [...bounds].sort(([a], [b]) => a - b);
    const values = new Float64Array(grid.count);
    for (let step = 0; step < grid.count; step++) {
      const buckets: Bucket[] = [];
      for (const [upper, rates] of sorted) {
        const count = rates[step] as number;
        if (!Number.isNaN(count)) buckets.push({ upper, count });
      }
      values[step] = bucketQuantile(q, buckets);
    }
    curves.push({ labels, values });
    await job.pacing.pause();
  }
  return curves;
}

function boundOf(text: string): number {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  return text === "" ? Number.NaN : Number(text);
}

/** Calls `use` with each series' rates; the array is reused. */
async function eachRate(
  job: Job,
  series: readonly Series[],
  use: (series: Series, rates: Float64Array) => void,
): Promise<void> {
  const { grid } = job;
  let backMs = Math.max(LOOKBACK_MS, rateWindow(grid.stepMs, 0));
  let columns = await read(job, series, backMs);
  const windowMs = rateWindow(grid.stepMs, intervalOf(columns));
  if (windowMs > backMs) {
    backMs = windowMs;
    columns = await read(job, series, backMs);
  }
  const places = placesOf(columns);
  const rates = new Float64Array(grid.count);
  for (const one of series) {
    const at = places.get(one.id);
    if (at === undefined) continue;
    const live: LiveSeries = liveSamples(columns, at);
    ratesAtSteps(live, windowMs, { grid, out: rates });
    use(one, rates);
    await job.pacing.pause();
  }
}

/** `intervalMs` 0 when it is not known. */
export function rateWindow(stepMs: number, intervalMs: number): number {
  const least = intervalMs > 0 ? INTERVALS_PER_WINDOW * intervalMs : RATE_WINDOW_MS_MIN;
  return Math.max(stepMs, Math.min(least, RATE_WINDOW_MS_MAX));
}

/** The usual distance of samples: the median over some series, 0 when there is none. */
export function intervalOf(columns: SampleColumns): number {
  const gaps: number[] = [];
  const series = Math.min(columns.ids.length, 20);
  for (let at = 0; at < series; at++) {
    const start = columns.offsets[at] as number;
    const end = Math.min(columns.offsets[at + 1] as number, start + 50);
    for (let row = start + 1; row < end; row++)
      gaps.push((columns.timeMs[row] as number) - (columns.timeMs[row - 1] as number));
  }
  gaps.sort((a, b) => a - b);
  return gaps[gaps.length >> 1] ?? 0;
}

async function read(job: Job, series: readonly Series[], backMs: number): Promise<SampleColumns> {
  if (series.length === 0) return noSamples();
  const { grid, source, ask } = job;
  const toMs = grid.startMs + (grid.count - 1) * grid.stepMs;
  const range = { afterMs: grid.startMs - backMs, toMs };
  return source.readSamples(
    series.map((one) => one.id),
    range,
    ask,
  );
}

const placesOf = (columns: SampleColumns): Map<bigint, number> =>
  new Map(columns.ids.map((id, at) => [id, at]));

function labelOf(series: Series, name: string): string {
  return series.labels.find(([label]) => label === name)?.[1] ?? "";
}

/** Series summed or averaged by labels, step by step; a step without data in any series stays NaN. */
class Groups {
  private readonly by: readonly string[];
  private readonly steps: number;
  private readonly how: "sum" | "average";
  private readonly found = new Map<
    string,
    { labels: Curve["labels"]; sums: Float64Array; counts: Uint32Array }
  >();

  constructor(by: readonly string[], steps: number, how: "sum" | "average") {
    this.by = by;
    this.steps = steps;
    this.how = how;
  }

  add(series: Series, values: Float64Array): void {
    const labels = groupLabels(series, this.by);
    const key = JSON.stringify(Object.entries(labels));
    let group = this.found.get(key);
    if (group === undefined) {
      const sums = new Float64Array(this.steps);
      group = { labels, sums, counts: new Uint32Array(this.steps) };
      this.found.set(key, group);
    }
    for (let step = 0; step < this.steps; step++) {
      const value = values[step] as number;
      if (Number.isNaN(value)) continue;
      (group.sums[step] as number) += value;
      (group.counts[step] as number) += 1;
    }
  }

  curves(): Curve[] {
    return [...this.found.values()].map(({ labels, sums, counts }) => {
      const values = sums.map((sum, step) => {
        const count = counts[step] as number;
        if (count === 0) return Number.NaN;
        return this.how === "sum" ? sum : sum / count;
      });
      return { labels, values };
    });
  }
}

function addInto(sums: Float64Array, more: Float64Array): void {
  for (let step = 0; step < sums.length; step++) {
    const value = more[step] as number;
    if (Number.isNaN(value)) continue;
    const sum = sums[step] as number;
    sums[step] = Number.isNaN(sum) ? value : sum + value;
  }
}

function lastValue(values: Float64Array): number {
  for (let step = values.length - 1; step >= 0; step--)
    if (Number.isFinite(values[step])) return values[step] as number;
  return Number.NEGATIVE_INFINITY;
}
