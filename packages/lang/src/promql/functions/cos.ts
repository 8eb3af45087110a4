/** `cos`. */
import { define } from "./spec.ts";

export const cos = define({
  name: "cos",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The cosine of each sample, an angle in radians.",
    "NaN for infinite samples.",
    "Native histograms are left out.",
  ],
  example: "cos(rad(wind_direction_degrees))",
  kernel: { kind: "float", run: Math.cos },
});
