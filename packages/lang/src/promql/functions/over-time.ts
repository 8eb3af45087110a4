/** Aggregations over the samples of a range. */
import { messages } from "../annotations.ts";
import { equals, type Histogram, wasReset } from "../histogram.ts";
import { HistogramMean, HistogramSum } from "../histogram-sum.ts";
import { isInfinite, type KahanSum, kahanAdd } from "../kahan.ts";
import { quantile } from "../quantile.ts";
import type { RangeWindow } from "../window.ts";
import { startTellsReset } from "./rate.ts";
import { lastFloats } from "./last-floats.ts";
import { define, type FunctionSpec, type FloatRangeKernel, type RangeKernel } from "./spec.ts";

const cell: KahanSum = { sum: 0, compensation: 0 };

/** False, with a warning, when the range has floats and histograms. */
function isOneKind(w: RangeWindow): boolean {
  if (w.to === w.from || w.histogramTo === w.histogramFrom) return true;
  w.annotate.warning(messages.mixedFloatsHistograms(w.metric), w.span);
  return false;
}

/** Of the floats alone; histograms beside them are noted. */
function floatsOnly(run: (w: RangeWindow) => number): RangeKernel {
  return (w) => {
    if (w.to === w.from) return undefined;
    noteIgnored(w);
    return run(w);
  };
}

export function noteIgnored(w: RangeWindow): void {
  if (w.histogramTo > w.histogramFrom)
    w.annotate.info(messages.histogramIgnoredInRange(w.metric), w.span);
}

function sumFloats(w: RangeWindow): number {
  const { value } = w.series;
  cell.sum = 0;
  cell.compensation = 0;
  for (let i = w.from; i < w.to; i++) kahanAdd(cell, value[i] as number);
  return isInfinite(cell.sum) ? cell.sum : cell.sum + cell.compensation;
}

/** The mean of the sum, or from where that would overflow, of the means so far. */
function meanFloats(w: RangeWindow): number {
  const { value } = w.series;
  cell.sum = value[w.from] as number;
  cell.compensation = 0;
  const count = w.to - w.from;
  for (let i = w.from + 1; i < w.to; i++) {
    const { sum, compensation } = cell;
    kahanAdd(cell, value[i] as number);
    if (!isInfinite(cell.sum)) continue;
    const n = i - w.from;
    cell.sum = sum / n;
    cell.compensation = compensation / n;
    return meanOfMeans(w, i);
  }
  return cell.sum / count + cell.compensation / count;
}

function meanOfMeans(w: RangeWindow, start: number): number {
  for (let i = start; i < w.to; i++) {
    const n = i - w.from + 1;
    const share = (n - 1) / n;
    cell.sum *= share;
    cell.compensation *= share;
    kahanAdd(cell, (w.series.value[i] as number) / n);
  }
  return cell.sum + cell.compensation;
}

function overHistograms(w: RangeWindow, into: HistogramSum | HistogramMean): Histogram | undefined {
  const { annotate, metric, span } = w;
  for (let i = w.histogramFrom; i < w.histogramTo; i++) {
    if (into.add(w.series.histograms[i] as Histogram)) continue;
    annotate.warning(messages.mixedSchemas(metric), span);
    return undefined;
  }
  if (into.collision) annotate.warning(messages.resetCollision("aggregation"), span);
  if (into.reconciled) annotate.info(messages.reconciled("aggregation"), span);
  return into.result();
}

const sumOverTime: RangeKernel = (w) => {
  if (!isOneKind(w)) return undefined;
  return w.to > w.from ? sumFloats(w) : overHistograms(w, new HistogramSum());
};

const avgOverTime: RangeKernel = (w) => {
  if (!isOneKind(w)) return undefined;
  return w.to > w.from ? meanFloats(w) : overHistograms(w, new HistogramMean());
};

/** The index of the sample that `better` prefers; NaN gives way to any number. */
function best(w: RangeWindow, better: (current: number, best: number) => boolean): number {
  const { value } = w.series;
  let found = w.from;
  for (let i = w.from; i < w.to; i++) {
    const held = value[found] as number;
    if (better(value[i] as number, held) || Number.isNaN(held)) found = i;
  }
  return found;
}

function variance(w: RangeWindow): number {
  const { value } = w.series;
  const mean: KahanSum = { sum: 0, compensation: 0 };
  const squares: KahanSum = { sum: 0, compensation: 0 };
  let count = 0;
  for (let i = w.from; i < w.to; i++) {
    const v = value[i] as number;
    count++;
    const delta = v - (mean.sum + mean.compensation);
    kahanAdd(mean, delta / count);
    kahanAdd(squares, delta * (v - (mean.sum + mean.compensation)));
  }
  return (squares.sum + squares.compensation) / count;
}

function medianDeviation(w: RangeWindow): number {
  const values = w.series.value.slice(w.from, w.to);
  if (values.some(Number.isNaN)) return Number.NaN;
  const median = quantile(0.5, values);
  return quantile(
    0.5,
    values.map((value) => Math.abs(value - median)),
  );
}

function firstSample(w: RangeWindow): number | Histogram {
  const { timeMs, value, histograms, histogramTimeMs } = w.series;
  const histogram = w.histogramTo > w.histogramFrom ? histograms[w.histogramFrom] : undefined;
  const isEarlier =
    w.to > w.from && (timeMs[w.from] as number) < (histogramTimeMs[w.histogramFrom] as number);
  return histogram === undefined || isEarlier ? (value[w.from] as number) : histogram;
}

function lastSample(w: RangeWindow): number | Histogram {
  const { timeMs, value, histograms, histogramTimeMs } = w.series;
  const histogram = w.histogramTo > w.histogramFrom ? histograms[w.histogramTo - 1] : undefined;
  const isLater =
    w.to > w.from && (timeMs[w.to - 1] as number) > (histogramTimeMs[w.histogramTo - 1] as number);
  return histogram === undefined || isLater ? (value[w.to - 1] as number) : histogram;
}

function timeOfFirst(w: RangeWindow): number {
  const { timeMs, histogramTimeMs } = w.series;
  const float = w.to > w.from ? (timeMs[w.from] as number) : Number.POSITIVE_INFINITY;
  const histogram =
    w.histogramTo > w.histogramFrom
      ? (histogramTimeMs[w.histogramFrom] as number)
      : Number.POSITIVE_INFINITY;
  return Math.min(float, histogram) / 1000;
}

function timeOfLast(w: RangeWindow): number {
  const { timeMs, histogramTimeMs } = w.series;
  const float = w.to > w.from ? (timeMs[w.to - 1] as number) : 0;
  const histogram =
    w.histogramTo > w.histogramFrom ? (histogramTimeMs[w.histogramTo - 1] as number) : 0;
  return Math.max(float, histogram) / 1000;
}

/** Where an anchored range begins: at its last sample before the start. `undefined` when none follows. */
function firstOf(w: RangeWindow): { float: number; histogram: number } | undefined {
  if (w.extended !== "anchored") return { float: w.from, histogram: w.histogramFrom };
  const { timeMs, histogramTimeMs } = w.series;
  let float = w.from;
  while (float < w.to && (timeMs[float] as number) <= w.startMs) float++;
  let histogram = w.histogramFrom;
  while (histogram < w.histogramTo && (histogramTimeMs[histogram] as number) <= w.startMs)
    histogram++;
  if (float >= w.to && histogram >= w.histogramTo) return undefined;
  const floatMs = float > w.from ? (timeMs[float - 1] as number) : Number.NEGATIVE_INFINITY;
  const histogramMs =
    histogram > w.histogramFrom
      ? (histogramTimeMs[histogram - 1] as number)
      : Number.NEGATIVE_INFINITY;
  if (floatMs === histogramMs && floatMs === Number.NEGATIVE_INFINITY) return { float, histogram };
  return floatMs >= histogramMs
    ? { float: float - 1, histogram }
    : { float, histogram: histogram - 1 };
}

interface Seen {
  readonly value: number | Histogram;
  readonly timeMs: number;
  readonly startMs: number;
}

/** Counts the neighbours that `test` takes, floats and histograms in order of time. */
function countPairs(
  w: RangeWindow,
  test: (previous: Seen, current: Seen) => boolean,
): number | undefined {
  const first = firstOf(w);
  if (first === undefined) return undefined;
  const { timeMs, value, startMs, histogramTimeMs, histograms, histogramStartMs } = w.series;
  let { float, histogram } = first;
  let count = 0;
  let previous: Seen | undefined;
  while (float < w.to || histogram < w.histogramTo) {
    const floatMs = float < w.to ? (timeMs[float] as number) : Number.POSITIVE_INFINITY;
    const histogramMs =
      histogram < w.histogramTo ? (histogramTimeMs[histogram] as number) : Number.POSITIVE_INFINITY;
    const isFloat = floatMs < histogramMs;
    const current: Seen = isFloat
      ? { value: value[float] as number, timeMs: floatMs, startMs: startMs?.[float] ?? 0 }
      : {
          value: histograms[histogram] as Histogram,
          timeMs: histogramMs,
          startMs: histogramStartMs?.[histogram] ?? 0,
        };
    if (isFloat) float++;
    else histogram++;
    if (previous !== undefined && test(previous, current)) count++;
    previous = current;
  }
  return count;
}

function isReset(previous: Seen, current: Seen): boolean {
  const a = previous.value;
  const b = current.value;
  if (typeof a === "number" && typeof b === "number")
    return b < a || startTellsReset(previous, current);
  if (typeof a === "number" || typeof b === "number") return true;
  return startTellsReset(previous, current) || wasReset(b, a);
}

function isChange({ value: a }: Seen, { value: b }: Seen): boolean {
  if (typeof a === "number" && typeof b === "number")
    return a !== b && !(Number.isNaN(a) && Number.isNaN(b));
  if (typeof a === "number" || typeof b === "number") return true;
  return !equals(b, a);
}

const over = (
  name: string,
  doc: string,
  run: RangeKernel,
  more: Partial<FunctionSpec> & {
    readonly keepsName?: true;
    readonly floats?: FloatRangeKernel;
  } = {},
): FunctionSpec => {
  const { keepsName, floats, ...rest } = more;
  return define({
    name,
    args: ["matrix"],
    doc,
    example: `${name}(temperature_celsius[1h])`,
    kernel: { kind: "range", run, floats, ...(keepsName ? { keepsName } : {}) },
    ...rest,
  });
};

const time = (w: RangeWindow, row: number): number => (w.series.timeMs[row] as number) / 1000;
const value = (w: RangeWindow, row: number): number => w.series.value[row] as number;
const experimental = { experimental: true };

export const overTimeFunctions: readonly FunctionSpec[] = [
  over("sum_over_time", "Sum of the samples of the range.", sumOverTime),
  over("avg_over_time", "Mean of the samples of the range.", avgOverTime),
  over(
    "count_over_time",
    "How many samples the range has.",
    (w) => w.to - w.from + w.histogramTo - w.histogramFrom,
  ),
  over("present_over_time", "1 when the range has a sample.", () => 1),
  over(
    "min_over_time",
    "Smallest sample of the range.",
    floatsOnly((w) =>
      value(
        w,
        best(w, (a, b) => a < b),
      ),
    ),
  ),
  over(
    "max_over_time",
    "Largest sample of the range.",
    floatsOnly((w) =>
      value(
        w,
        best(w, (a, b) => a > b),
      ),
    ),
  ),
  over("stdvar_over_time", "Variance of the samples of the range.", floatsOnly(variance)),
  over(
    "stddev_over_time",
    "Standard deviation of the samples of the range.",
    floatsOnly((w) => Math.sqrt(variance(w))),
  ),
  over(
    "mad_over_time",
    "Median of the samples' distances from their median.",
    floatsOnly(medianDeviation),
    experimental,
  ),
  over("first_over_time", "First sample of the range.", firstSample, { keepsName: true }),
  over("last_over_time", "Last sample of the range.", lastSample, {
    keepsName: true,
    floats: lastFloats,
  }),
  over("ts_of_first_over_time", "Time of the first sample.", timeOfFirst, experimental),
  over("ts_of_last_over_time", "Time of the last sample.", timeOfLast, experimental),
  over(
    "ts_of_min_over_time",
    "Time of the last smallest sample.",
    floatsOnly((w) =>
      time(
        w,
        best(w, (a, b) => a <= b),
      ),
    ),
    experimental,
  ),
  over(
    "ts_of_max_over_time",
    "Time of the last largest sample.",
    floatsOnly((w) =>
      time(
        w,
        best(w, (a, b) => a >= b),
      ),
    ),
    experimental,
  ),
  over("changes", "How often the value changed.", (w) => countPairs(w, isChange), {
    extended: ["anchored"],
  }),
  over("resets", "How often the counter was reset.", (w) => countPairs(w, isReset), {
    extended: ["anchored"],
  }),
  define({
    name: "quantile_over_time",
    args: ["scalar", "matrix"],
    doc: "The quantile of the samples of the range.",
    example: "quantile_over_time(0.9, temperature_celsius[1h])",
    kernel: {
      kind: "range",
      run: (w) => {
        if (w.to === w.from) return undefined;
        const q = w.args[0] ?? Number.NaN;
        if (!(q >= 0 && q <= 1)) w.annotate.warning(messages.quantile(q), w.span);
        noteIgnored(w);
        return quantile(q, w.series.value.slice(w.from, w.to));
      },
    },
  }),
];
