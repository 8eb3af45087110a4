/** `log10`. */
import { define } from "./spec.ts";

export const log10 = define({
  name: "log10",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The logarithm to base 10 of each sample.",
    "-Inf for 0, NaN for negative samples.",
    "Native histograms are left out.",
  ],
  example: "log10(disk_free_bytes)",
  kernel: { kind: "float", run: Math.log10 },
});
