/** `idelta`. */
import { lastTwoFloats } from "./shared/last-floats.ts";
import { changeOfLastTwo } from "./shared/last-two.ts";
import { define } from "./spec.ts";

export const idelta = define({
  name: "idelta",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The difference between the last two samples of the range, for gauges.",
    "Nothing for series with fewer than two samples in the range, and, with a warning, where one of the last two is a float and the other a native histogram.",
    "Of native histograms the difference of each bucket; they have to be gauges.",
  ],
  example: "idelta(temperature_celsius[1h])",
  kernel: {
    kind: "range",
    run: (w) => changeOfLastTwo(w, false),
    floats: lastTwoFloats(false),
  },
});
