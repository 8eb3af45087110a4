/** `ts_of_min_over_time`. */
import { best, timeOf } from "./shared/best-sample.ts";
import { floatsOnly } from "./shared/floats-of-range.ts";
import { define } from "./spec.ts";

export const tsOfMinOverTime = define({
  name: "ts_of_min_over_time",
  args: ["matrix"],
  params: ["range"],
  experimental: true,
  doc: [
    "The time of the last smallest sample of the range, in seconds since 1970.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "ts_of_min_over_time(temperature_celsius[1h])",
  kernel: {
    kind: "range",
    run: floatsOnly((w) =>
      timeOf(
        w,
        best(w, (current, held) => current <= held),
      ),
    ),
  },
});
