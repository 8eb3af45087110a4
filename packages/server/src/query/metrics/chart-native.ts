/** The curves of native histograms: rates of observations and quantiles of what was observed in each window. */
import type { Pacing } from "../pacing.ts";
import { type ChartQuestion, type Curve, groupLabels } from "./chart-curve.ts";
import type { Grid } from "./grid.ts";
import {
  addIncrease,
  isStaleHistogram,
  noObservations,
  type Observations,
  rangesOf,
} from "./native-histogram.ts";
import { rangeQuantile } from "./quantile.ts";
import type { Ask, HistogramSample, MetricsSource, Series } from "./source.ts";

interface NativeJob {
  readonly source: MetricsSource;
  readonly question: ChartQuestion;
  readonly ask: Ask;
  readonly grid: Grid;
  readonly pacing: Pacing;
  readonly series: readonly Series[];
  readonly windowMs: number;
}

/** The quantile `q`, or observations per second when it is undefined. */
export async function nativeCurves(job: NativeJob, q: number | undefined): Promise<Curve[]> {
  const { grid, windowMs } = job;
  if (job.series.length === 0) return [];
  const toMs = grid.startMs + (grid.count - 1) * grid.stepMs;
  // The sample before the window is where the first increase starts.
  const range = { afterMs: grid.startMs - 2 * windowMs, toMs };
  const ids = job.series.map((one) => one.id);
  const samples = await job.source.readHistograms(ids, range, job.ask);
  const byId = new Map<bigint, HistogramSample[]>();
  for (const sample of samples) {
    if (isStaleHistogram(sample)) continue;
    const list = byId.get(sample.id);
    if (list === undefined) byId.set(sample.id, [sample]);
    else list.push(sample);
  }
  const groups = new Map<string, { labels: Curve["labels"]; members: HistogramSample[][] }>();
  for (const one of job.series) {
    const list = byId.get(one.id);
    if (list === undefined) continue;
    const labels = groupLabels(one, job.question.by);
    const key = JSON.stringify(Object.entries(labels));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [list] });
    else group.members.push(list);
  }
  const curves: Curve[] = [];
  for (const { labels, members } of groups.values()) {
    const values = new Float64Array(grid.count);
    for (let step = 0; step < grid.count; step++) {
      const t = grid.startMs + step * grid.stepMs;
      const found = observed(members, t - windowMs, t);
      values[step] = curveValue(found, q, windowMs);
      await job.pacing.pause();
    }
    curves.push({ labels, values });
  }
  return curves;
}

function curveValue(
  found: Observations | undefined,
  q: number | undefined,
  windowMs: number,
): number {
  if (found === undefined) return Number.NaN;
  return q === undefined ? (found.count * 1000) / windowMs : rangeQuantile(q, rangesOf(found));
}

/** What all members observed after `afterMs` up to `toMs`. */
function observed(
  members: readonly HistogramSample[][],
  afterMs: number,
  toMs: number,
): Observations | undefined {
  let found: Observations | undefined;
  for (const list of members) {
    for (let i = firstAfter(list, afterMs); i < list.length; i++) {
      const sample = list[i] as HistogramSample;
      if (sample.timeMs > toMs) break;
      found ??= noObservations(sample);
      addIncrease(found, list[i - 1], sample);
    }
  }
  return found;
}

function firstAfter(list: readonly HistogramSample[], afterMs: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as HistogramSample).timeMs <= afterMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
