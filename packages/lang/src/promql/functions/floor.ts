/** `floor`. */
import { define } from "./spec.ts";

export const floor = define({
  name: "floor",
  args: ["vector"],
  params: ["v"],
  doc: ["Each sample rounded down to a whole number.", "Native histograms are left out."],
  example: "floor(temperature_celsius)",
  kernel: { kind: "float", run: Math.floor },
});
