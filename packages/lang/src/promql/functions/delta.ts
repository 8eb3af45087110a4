/** `delta`. */
import { extrapolate } from "./shared/extrapolate.ts";
import { extrapolateFloats } from "./shared/rate-floats.ts";
import { define } from "./spec.ts";

export const delta = define({
  name: "delta",
  args: ["matrix"],
  params: ["range"],
  extended: ["anchored", "smoothed"],
  doc: [
    "The difference between the last and the first value of the range, for gauges.",
    "Stretched to the ends of the range as `rate` is, but falling values are no resets.",
    "Nothing for series with fewer than two samples in the range, and, with a warning, for those that have floats and native histograms in it.",
    "Of native histograms the difference of each bucket; they have to be gauges.",
  ],
  example: "delta(temperature_celsius[1h])",
  kernel: {
    kind: "range",
    run: (w) => extrapolate(w, { isCounter: false, isRate: false }),
    floats: extrapolateFloats({ isCounter: false, isRate: false }),
  },
});
