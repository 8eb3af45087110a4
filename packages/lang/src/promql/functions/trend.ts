/** Trends: linear regression and smoothing. */
import { queryFailed } from "../failure.ts";
import { type KahanSum, kahanAdd } from "../kahan.ts";
import type { RangeWindow } from "../window.ts";
import { noteIgnored } from "./over-time.ts";
import { define, type FunctionSpec } from "./spec.ts";

/** A line through the floats of the window; `originMs` is where its intercept is told. */
function regression(w: RangeWindow, originMs: number): { slope: number; intercept: number } {
  const { timeMs, value } = w.series;
  const sum = (): KahanSum => ({ sum: 0, compensation: 0 });
  const x = sum();
  const y = sum();
  const xy = sum();
  const x2 = sum();
  const first = value[w.from] as number;
  let constant = true;
  for (let i = w.from; i < w.to; i++) {
    const v = value[i] as number;
    if (i > w.from && v !== first) constant = false;
    const t = ((timeMs[i] as number) - originMs) / 1000;
    kahanAdd(x, t);
    kahanAdd(y, v);
    kahanAdd(xy, t * v);
    kahanAdd(x2, t * t);
  }
  if (constant) {
    const finite = Math.abs(first) !== Number.POSITIVE_INFINITY;
    return finite ? { slope: 0, intercept: first } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const n = w.to - w.from;
  const total = ({ sum, compensation }: KahanSum): number => sum + compensation;
  const sumX = total(x);
  const covariance = total(xy) - (sumX * total(y)) / n;
  const variance = total(x2) - (sumX * sumX) / n;
  const slope = covariance / variance;
  return { slope, intercept: total(y) / n - (slope * sumX) / n };
}

/** Two floats are needed; a single one beside histograms is noted. */
function hasTrend(w: RangeWindow): boolean {
  if (w.to > w.from) noteIgnored(w);
  return w.to - w.from >= 2;
}

function smoothing(w: RangeWindow): number | undefined {
  const [factor = 0, trend = 0] = w.args;
  const wrong = (name: string, short: string, given: number): Error =>
    queryFailed(`invalid ${name} factor. Expected: 0 < ${short} < 1, got: ${given.toFixed(6)}`);
  if (factor <= 0 || factor >= 1) throw wrong("smoothing", "sf", factor);
  if (trend <= 0 || trend >= 1) throw wrong("trend", "tf", trend);
  if (!hasTrend(w)) return undefined;
  const { value } = w.series;
  let before = 0;
  let smoothed = value[w.from] as number;
  let slope = (value[w.from + 1] as number) - smoothed;
  for (let i = w.from + 1; i < w.to; i++) {
    const raw = factor * (value[i] as number);
    if (i > w.from + 1) slope = trend * (smoothed - before) + (1 - trend) * slope;
    const expected = (1 - factor) * (smoothed + slope);
    before = smoothed;
    smoothed = raw + expected;
  }
  return smoothed;
}

export const trendFunctions: readonly FunctionSpec[] = [
  define({
    name: "deriv",
    args: ["matrix"],
    doc: "Slope per second of a line through the samples of the range.",
    example: "deriv(disk_used_bytes[1h])",
    kernel: {
      kind: "range",
      run: (w) =>
        hasTrend(w) ? regression(w, w.series.timeMs[w.from] as number).slope : undefined,
    },
  }),
  define({
    name: "predict_linear",
    args: ["matrix", "scalar"],
    timeDependent: true,
    doc: "The value so many seconds from now, on a line through the samples of the range.",
    example: "predict_linear(disk_free_bytes[6h], 4 * 3600) < 0",
    kernel: {
      kind: "range",
      run: (w) => {
        if (!hasTrend(w)) return undefined;
        const { slope, intercept } = regression(w, w.evalMs);
        return slope * (w.args[0] ?? 0) + intercept;
      },
    },
  }),
  define({
    name: "double_exponential_smoothing",
    args: ["matrix", "scalar", "scalar"],
    experimental: true,
    doc: "A smoothed value with its trend; the factors lie between 0 and 1.",
    example: "double_exponential_smoothing(load1[1h], 0.5, 0.5)",
    kernel: { kind: "range", run: smoothing },
  }),
];
