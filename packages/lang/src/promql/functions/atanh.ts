/** `atanh`. */
import { define } from "./spec.ts";

export const atanh = define({
  name: "atanh",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The inverse hyperbolic tangent of each sample.",
    "NaN for samples outside -1 to 1; infinite at those ends.",
    "Native histograms are left out.",
  ],
  example: "atanh(load1 / 2)",
  kernel: { kind: "float", run: Math.atanh },
});
