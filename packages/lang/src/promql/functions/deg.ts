/** `deg`. */
import { define } from "./spec.ts";

export const deg = define({
  name: "deg",
  args: ["vector"],
  params: ["v"],
  doc: ["Radians as degrees.", "Native histograms are left out."],
  example: "deg(pi() / vector(2))",
  kernel: { kind: "float", run: (value) => (value * 180) / Math.PI },
});
