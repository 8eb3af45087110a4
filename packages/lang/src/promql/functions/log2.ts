/** `log2`. */
import { log2 as logarithm } from "../go-math.ts";
import { define } from "./spec.ts";

export const log2 = define({
  name: "log2",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The logarithm to base 2 of each sample.",
    "-Inf for 0, NaN for negative samples.",
    "Native histograms are left out.",
  ],
  example: "log2(disk_free_bytes)",
  kernel: { kind: "float", run: logarithm },
});
