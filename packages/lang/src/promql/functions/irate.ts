/** `irate`. */
import { lastTwoFloats } from "./shared/last-floats.ts";
import { changeOfLastTwo } from "./shared/last-two.ts";
import { define } from "./spec.ts";

export const irate = define({
  name: "irate",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The increase of a counter per second between the last two samples of the range.",
    "Follows fast changes that `rate` would smooth; a value below the one before is a reset.",
    "Nothing for series with fewer than two samples in the range, and, with a warning, where one of the last two is a float and the other a native histogram.",
    "Of native histograms the rate of each bucket.",
  ],
  example: "irate(http_requests_total[5m])",
  kernel: {
    kind: "range",
    run: (w) => changeOfLastTwo(w, true),
    floats: lastTwoFloats(true),
  },
});
