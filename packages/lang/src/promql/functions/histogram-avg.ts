/** `histogram_avg`. */
import { define } from "./spec.ts";

export const histogramAvg = define({
  name: "histogram_avg",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The mean of the observations of each native histogram, in their unit.",
    "NaN when there are none.",
    "Floats are left out.",
  ],
  example: "histogram_avg(rate(request_seconds[5m]))",
  kernel: { kind: "histogram", run: (h) => h.sum / h.count },
});
