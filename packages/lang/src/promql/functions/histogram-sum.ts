/** `histogram_sum`. */
import { define } from "./spec.ts";

export const histogramSum = define({
  name: "histogram_sum",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The sum of the observations of each native histogram, in their unit.",
    "Of a rate their sum per second.",
    "Floats are left out.",
  ],
  example: "histogram_sum(rate(request_seconds[5m]))",
  kernel: { kind: "histogram", run: (h) => h.sum },
});
