/** `ln`. */
import { define } from "./spec.ts";

export const ln = define({
  name: "ln",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The natural logarithm of each sample.",
    "-Inf for 0, NaN for negative samples.",
    "Native histograms are left out.",
  ],
  example: "ln(disk_free_bytes)",
  kernel: { kind: "float", run: Math.log },
});
