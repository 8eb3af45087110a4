/** `double_exponential_smoothing`. */
import { queryFailed } from "../failure.ts";
import type { RangeWindow } from "../window.ts";
import { hasTrend } from "./shared/regression.ts";
import { define } from "./spec.ts";

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

export const doubleExponentialSmoothing = define({
  name: "double_exponential_smoothing",
  args: ["matrix", "scalar", "scalar"],
  params: ["range", "smoothing", "trend"],
  experimental: true,
  doc: [
    "The last value of the range, smoothed together with its trend, for gauges.",
    "The less the smoothing factor, the more old samples count; the greater the trend factor, the more the trend does. Both lie between 0 and 1, other factors are an error.",
    "Nothing for series with fewer than two floats in the range; native histograms are left out, which is noted.",
  ],
  example: "double_exponential_smoothing(temperature_celsius[1h], 0.5, 0.5)",
  kernel: { kind: "range", run: smoothing },
});
