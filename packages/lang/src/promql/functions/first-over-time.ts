/** `first_over_time`. */
import type { Histogram } from "../histogram.ts";
import type { RangeWindow } from "../window.ts";
import { define } from "./spec.ts";

function firstSample(w: RangeWindow): number | Histogram {
  const { timeMs, value, histograms, histogramTimeMs } = w.series;
  const histogram = w.histogramTo > w.histogramFrom ? histograms[w.histogramFrom] : undefined;
  const isEarlier =
    w.to > w.from && (timeMs[w.from] as number) < (histogramTimeMs[w.histogramFrom] as number);
  return histogram === undefined || isEarlier ? (value[w.from] as number) : histogram;
}

export const firstOverTime = define({
  name: "first_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The first sample of the range.",
    "The metric's name stays.",
    "Floats and native histograms.",
  ],
  example: "first_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: firstSample, keepsName: true },
});
