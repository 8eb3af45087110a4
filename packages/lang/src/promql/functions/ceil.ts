/** `ceil`. */
import { define } from "./spec.ts";

export const ceil = define({
  name: "ceil",
  args: ["vector"],
  params: ["v"],
  doc: ["Each sample rounded up to a whole number.", "Native histograms are left out."],
  example: "ceil(temperature_celsius)",
  kernel: { kind: "float", run: Math.ceil },
});
