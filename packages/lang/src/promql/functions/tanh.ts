/** `tanh`. */
import { define } from "./spec.ts";

export const tanh = define({
  name: "tanh",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The hyperbolic tangent of each sample, between -1 and 1.",
    "Native histograms are left out.",
  ],
  example: "tanh(load1)",
  kernel: { kind: "float", run: Math.tanh },
});
