/** `ts_of_last_over_time`. */
import type { RangeWindow } from "../window.ts";
import { define } from "./spec.ts";

function timeOfLast(w: RangeWindow): number {
  const { timeMs, histogramTimeMs } = w.series;
  const float = w.to > w.from ? (timeMs[w.to - 1] as number) : 0;
  const histogram =
    w.histogramTo > w.histogramFrom ? (histogramTimeMs[w.histogramTo - 1] as number) : 0;
  return Math.max(float, histogram) / 1000;
}

export const tsOfLastOverTime = define({
  name: "ts_of_last_over_time",
  args: ["matrix"],
  params: ["range"],
  experimental: true,
  doc: [
    "The time of the last sample of the range, in seconds since 1970.",
    "Floats and native histograms.",
  ],
  example: "ts_of_last_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: timeOfLast },
});
