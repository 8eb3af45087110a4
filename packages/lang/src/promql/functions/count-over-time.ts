/** `count_over_time`. */
import { define } from "./spec.ts";

export const countOverTime = define({
  name: "count_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "How many samples the range has, floats and native histograms alike.",
    "Nothing for series without any.",
  ],
  example: "count_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: (w) => w.to - w.from + w.histogramTo - w.histogramFrom },
});
