/** `histogram_stdvar`. */
import { histogramVariance } from "./shared/histogram-variance.ts";
import { define } from "./spec.ts";

export const histogramStdvar = define({
  name: "histogram_stdvar",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The estimated variance of the observations of each native histogram.",
    "All observations of a bucket are taken to stand at its middle. NaN when there are none.",
    "Floats are left out.",
  ],
  example: "histogram_stdvar(rate(request_seconds[5m]))",
  kernel: { kind: "histogram", run: histogramVariance },
});
