/** `acos`. */
import { define } from "./spec.ts";

export const acos = define({
  name: "acos",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The arc cosine of each sample, in radians.",
    "NaN for samples outside -1 to 1.",
    "Native histograms are left out.",
  ],
  example: "acos(load1 / 2)",
  kernel: { kind: "float", run: Math.acos },
});
