/** `clamp`. */
import { clampTo } from "./shared/clamp-to.ts";
import { define } from "./spec.ts";

export const clamp = define({
  name: "clamp",
  args: ["vector", "scalar", "scalar"],
  params: ["v", "min", "max"],
  doc: [
    "Each sample limited to the range from a smallest to a largest number.",
    "Nothing at all when that range is empty, and NaN when one of its ends is NaN.",
    "Native histograms are left out.",
  ],
  example: "clamp(temperature_celsius, 0, 20)",
  kernel: {
    kind: "float",
    keep: ([min = 0, max = 0]) => !(max < min),
    run: (value, [min = 0, max = 0]) => clampTo(value, min, max),
  },
});
