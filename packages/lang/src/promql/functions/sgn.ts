/** `sgn`. */
import { define } from "./spec.ts";

export const sgn = define({
  name: "sgn",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The sign of each sample: 1, -1 or 0.",
    "NaN stays NaN.",
    "Native histograms are left out.",
  ],
  example: "sgn(deriv(disk_free_bytes[30m]))",
  kernel: { kind: "float", run: (value) => (value > 0 ? 1 : value < 0 ? -1 : value) },
});
