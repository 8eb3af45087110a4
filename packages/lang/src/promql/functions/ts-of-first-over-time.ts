/** `ts_of_first_over_time`. */
import type { RangeWindow } from "../window.ts";
import { define } from "./spec.ts";

function timeOfFirst(w: RangeWindow): number {
  const { timeMs, histogramTimeMs } = w.series;
  const float = w.to > w.from ? (timeMs[w.from] as number) : Number.POSITIVE_INFINITY;
  const histogram =
    w.histogramTo > w.histogramFrom
      ? (histogramTimeMs[w.histogramFrom] as number)
      : Number.POSITIVE_INFINITY;
  return Math.min(float, histogram) / 1000;
}

export const tsOfFirstOverTime = define({
  name: "ts_of_first_over_time",
  args: ["matrix"],
  params: ["range"],
  experimental: true,
  doc: [
    "The time of the first sample of the range, in seconds since 1970.",
    "Floats and native histograms.",
  ],
  example: "ts_of_first_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: timeOfFirst },
});
