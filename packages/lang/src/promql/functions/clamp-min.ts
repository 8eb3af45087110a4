/** `clamp_min`. */
import { clampTo } from "./shared/clamp-to.ts";
import { define } from "./spec.ts";

export const clampMin = define({
  name: "clamp_min",
  args: ["vector", "scalar"],
  params: ["v", "min"],
  doc: [
    "Each sample, at least the given number.",
    "NaN when that is NaN.",
    "Native histograms are left out.",
  ],
  example: "clamp_min(temperature_celsius, 20)",
  kernel: {
    kind: "float",
    run: (value, [min = 0]) => clampTo(value, min, Number.POSITIVE_INFINITY),
  },
});
