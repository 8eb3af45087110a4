/** `atan`. */
import { define } from "./spec.ts";

export const atan = define({
  name: "atan",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The arc tangent of each sample, in radians.",
    "For the angle of two vectors there is the operator `atan2`.",
    "Native histograms are left out.",
  ],
  example: "deg(atan(load1))",
  kernel: { kind: "float", run: Math.atan },
});
