/** `sqrt`. */
import { define } from "./spec.ts";

export const sqrt = define({
  name: "sqrt",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The square root of each sample.",
    "NaN for negative samples.",
    "Native histograms are left out.",
  ],
  example: "sqrt(load1)",
  kernel: { kind: "float", run: Math.sqrt },
});
