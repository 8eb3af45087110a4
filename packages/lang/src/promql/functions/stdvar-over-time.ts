/** `stdvar_over_time`. */
import { floatsOnly } from "./shared/floats-of-range.ts";
import { variance } from "./shared/variance-of-range.ts";
import { define } from "./spec.ts";

export const stdvarOverTime = define({
  name: "stdvar_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The variance of the samples of the range.",
    "Of all of them, not estimated from some: 0 for a single one.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "stdvar_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: floatsOnly(variance) },
});
