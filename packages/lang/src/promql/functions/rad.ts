/** `rad`. */
import { define } from "./spec.ts";

export const rad = define({
  name: "rad",
  args: ["vector"],
  params: ["v"],
  doc: ["Degrees as radians.", "Native histograms are left out."],
  example: "rad(wind_direction_degrees)",
  kernel: { kind: "float", run: (value) => (value * Math.PI) / 180 },
});
