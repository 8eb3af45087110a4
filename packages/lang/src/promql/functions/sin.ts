/** `sin`. */
import { define } from "./spec.ts";

export const sin = define({
  name: "sin",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The sine of each sample, an angle in radians.",
    "NaN for infinite samples.",
    "Native histograms are left out.",
  ],
  example: "sin(rad(wind_direction_degrees))",
  kernel: { kind: "float", run: Math.sin },
});
