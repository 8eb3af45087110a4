/** `stddev_over_time`. */
import { floatsOnly } from "./shared/floats-of-range.ts";
import { variance } from "./shared/variance-of-range.ts";
import { define } from "./spec.ts";

export const stddevOverTime = define({
  name: "stddev_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The standard deviation of the samples of the range, in their unit.",
    "Of all of them, not estimated from some: 0 for a single one.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "stddev_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: floatsOnly((w) => Math.sqrt(variance(w))) },
});
