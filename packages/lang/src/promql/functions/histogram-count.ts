/** `histogram_count`. */
import { define } from "./spec.ts";

export const histogramCount = define({
  name: "histogram_count",
  args: ["vector"],
  params: ["v"],
  doc: [
    "How many observations each native histogram has.",
    "Of a rate observations per second.",
    "Floats are left out.",
  ],
  example: "histogram_count(rate(request_seconds[5m]))",
  kernel: { kind: "histogram", run: (h) => h.count },
});
