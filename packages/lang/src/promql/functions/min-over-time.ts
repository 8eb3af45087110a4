/** `min_over_time`. */
import { best, valueAt } from "./shared/best-sample.ts";
import { floatsOnly } from "./shared/floats-of-range.ts";
import { define } from "./spec.ts";

export const minOverTime = define({
  name: "min_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The smallest sample of the range.",
    "NaN only when all of them are NaN.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "min_over_time(temperature_celsius[1h])",
  kernel: {
    kind: "range",
    run: floatsOnly((w) =>
      valueAt(
        w,
        best(w, (current, held) => current < held),
      ),
    ),
  },
});
