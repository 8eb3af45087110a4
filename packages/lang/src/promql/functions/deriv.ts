/** `deriv`. */
import { hasTrend, regression } from "./shared/regression.ts";
import { define } from "./spec.ts";

export const deriv = define({
  name: "deriv",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The slope per second of a straight line through the samples of the range, for gauges.",
    "The line is the one with the least squares.",
    "Nothing for series with fewer than two floats in the range; native histograms are left out, which is noted.",
  ],
  example: "deriv(disk_free_bytes[1h])",
  kernel: {
    kind: "range",
    run: (w) => (hasTrend(w) ? regression(w, w.series.timeMs[w.from] as number).slope : undefined),
  },
});
