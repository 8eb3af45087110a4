/** `predict_linear`. */
import { hasTrend, regression } from "./shared/regression.ts";
import { define } from "./spec.ts";

export const predictLinear = define({
  name: "predict_linear",
  args: ["matrix", "scalar"],
  params: ["range", "seconds"],
  timeDependent: true,
  doc: [
    "The value so many seconds from now, on a straight line through the samples of the range, for gauges.",
    "From the evaluation time on, also where `offset` moves the range.",
    "Nothing for series with fewer than two floats in the range; native histograms are left out, which is noted.",
  ],
  example: "predict_linear(disk_free_bytes[1h], 4 * 3600)",
  kernel: {
    kind: "range",
    run: (w) => {
      if (!hasTrend(w)) return undefined;
      const { slope, intercept } = regression(w, w.evalMs);
      return slope * (w.args[0] ?? 0) + intercept;
    },
  },
});
