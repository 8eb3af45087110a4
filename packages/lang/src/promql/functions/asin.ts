/** `asin`. */
import { define } from "./spec.ts";

export const asin = define({
  name: "asin",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The arc sine of each sample, in radians.",
    "NaN for samples outside -1 to 1.",
    "Native histograms are left out.",
  ],
  example: "asin(load1 / 2)",
  kernel: { kind: "float", run: Math.asin },
});
