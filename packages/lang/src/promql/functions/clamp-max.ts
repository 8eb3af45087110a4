/** `clamp_max`. */
import { clampTo } from "./shared/clamp-to.ts";
import { define } from "./spec.ts";

export const clampMax = define({
  name: "clamp_max",
  args: ["vector", "scalar"],
  params: ["v", "max"],
  doc: [
    "Each sample, at most the given number.",
    "NaN when that is NaN.",
    "Native histograms are left out.",
  ],
  example: "clamp_max(temperature_celsius, 20)",
  kernel: {
    kind: "float",
    run: (value, [max = 0]) => clampTo(value, Number.NEGATIVE_INFINITY, max),
  },
});
