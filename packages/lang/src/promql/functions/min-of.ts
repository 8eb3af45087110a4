/** `min_of`. */
import { smaller } from "../go-math.ts";
import { define } from "./spec.ts";

export const minOf = define({
  name: "min_of",
  args: ["scalar", "scalar"],
  params: ["a", "b"],
  returns: "scalar",
  experimental: true,
  doc: ["The smaller of two numbers.", "In durations, too: `rate(x[min_of(range(), 1h)])`."],
  example: "min_of(7, 60)",
  kernel: { kind: "scalar", run: (_timeMs, [a = 0, b = 0]) => smaller(a, b) },
});
