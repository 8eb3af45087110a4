/** `cosh`. */
import { define } from "./spec.ts";

export const cosh = define({
  name: "cosh",
  args: ["vector"],
  params: ["v"],
  doc: ["The hyperbolic cosine of each sample.", "Native histograms are left out."],
  example: "cosh(load1)",
  kernel: { kind: "float", run: Math.cosh },
});
