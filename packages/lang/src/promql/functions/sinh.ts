/** `sinh`. */
import { define } from "./spec.ts";

export const sinh = define({
  name: "sinh",
  args: ["vector"],
  params: ["v"],
  doc: ["The hyperbolic sine of each sample.", "Native histograms are left out."],
  example: "sinh(load1)",
  kernel: { kind: "float", run: Math.sinh },
});
