/** `last_over_time`. */
import type { Histogram } from "../histogram.ts";
import type { RangeWindow } from "../window.ts";
import { lastFloats } from "./shared/last-floats.ts";
import { define } from "./spec.ts";

function lastSample(w: RangeWindow): number | Histogram {
  const { timeMs, value, histograms, histogramTimeMs } = w.series;
  const histogram = w.histogramTo > w.histogramFrom ? histograms[w.histogramTo - 1] : undefined;
  const isLater =
    w.to > w.from && (timeMs[w.to - 1] as number) > (histogramTimeMs[w.histogramTo - 1] as number);
  return histogram === undefined || isLater ? (value[w.to - 1] as number) : histogram;
}

export const lastOverTime = define({
  name: "last_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The last sample of the range.",
    "The metric's name stays. Finds what a plain selector does not any more because it is too old.",
    "Floats and native histograms.",
  ],
  example: "last_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: lastSample, floats: lastFloats, keepsName: true },
});
