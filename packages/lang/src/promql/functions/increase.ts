/** `increase`. */
import { extrapolate } from "./shared/extrapolate.ts";
import { extrapolateFloats } from "./shared/rate-floats.ts";
import { define } from "./spec.ts";

export const increase = define({
  name: "increase",
  args: ["matrix"],
  params: ["range"],
  extended: ["anchored", "smoothed"],
  doc: [
    "The increase of a counter over the range, in the counter's unit.",
    "As `rate`, times the seconds of the range: because of the stretching it need not be a whole number.",
    "Nothing for series with fewer than two samples in the range, and, with a warning, for those that have floats and native histograms in it.",
    "Of native histograms the increase of each bucket.",
  ],
  example: "increase(http_requests_total[1h])",
  kernel: {
    kind: "range",
    run: (w) => extrapolate(w, { isCounter: true, isRate: false }),
    floats: extrapolateFloats({ isCounter: true, isRate: false }),
  },
});
