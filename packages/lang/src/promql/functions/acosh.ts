/** `acosh`. */
import { define } from "./spec.ts";

export const acosh = define({
  name: "acosh",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The inverse hyperbolic cosine of each sample.",
    "NaN for samples below 1.",
    "Native histograms are left out.",
  ],
  example: "acosh(load1 + 1)",
  kernel: { kind: "float", run: Math.acosh },
});
