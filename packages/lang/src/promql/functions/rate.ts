/** `rate`. */
import { extrapolate } from "./shared/extrapolate.ts";
import { extrapolateFloats } from "./shared/rate-floats.ts";
import { define } from "./spec.ts";

export const rate = define({
  name: "rate",
  args: ["matrix"],
  params: ["range"],
  extended: ["anchored", "smoothed"],
  doc: [
    "The increase of a counter per second, averaged over the range.",
    "A value below the one before is a reset, and what was counted until then is not lost. The growth between the samples is stretched to the ends of the range where they come close to those.",
    "Nothing for series with fewer than two samples in the range, and, with a warning, for those that have floats and native histograms in it.",
    "Of native histograms the rate of each bucket.",
  ],
  example: "rate(http_requests_total[5m])",
  kernel: {
    kind: "range",
    run: (w) => extrapolate(w, { isCounter: true, isRate: true }),
    floats: extrapolateFloats({ isCounter: true, isRate: true }),
  },
});
