/** `exp`. */
import { define } from "./spec.ts";

export const exp = define({
  name: "exp",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The number e to the power of each sample.",
    "Infinity when the result is too large for a float.",
    "Native histograms are left out.",
  ],
  example: "exp(load1)",
  kernel: { kind: "float", run: Math.exp },
});
