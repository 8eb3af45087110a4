/** `asinh`. */
import { define } from "./spec.ts";

export const asinh = define({
  name: "asinh",
  args: ["vector"],
  params: ["v"],
  doc: ["The inverse hyperbolic sine of each sample.", "Native histograms are left out."],
  example: "asinh(load1)",
  kernel: { kind: "float", run: Math.asinh },
});
