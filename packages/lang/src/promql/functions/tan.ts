/** `tan`. */
import { define } from "./spec.ts";

export const tan = define({
  name: "tan",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The tangent of each sample, an angle in radians.",
    "NaN for infinite samples.",
    "Native histograms are left out.",
  ],
  example: "tan(rad(wind_direction_degrees))",
  kernel: { kind: "float", run: Math.tan },
});
