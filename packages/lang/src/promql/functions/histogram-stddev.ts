/** `histogram_stddev`. */
import { histogramVariance } from "./shared/histogram-variance.ts";
import { define } from "./spec.ts";

export const histogramStddev = define({
  name: "histogram_stddev",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The estimated standard deviation of the observations of each native histogram, in their unit.",
    "All observations of a bucket are taken to stand at its middle. NaN when there are none.",
    "Floats are left out.",
  ],
  example: "histogram_stddev(rate(request_seconds[5m]))",
  kernel: { kind: "histogram", run: (h) => Math.sqrt(histogramVariance(h)) },
});
