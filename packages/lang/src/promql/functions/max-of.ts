/** `max_of`. */
import { larger } from "../go-math.ts";
import { define } from "./spec.ts";

export const maxOf = define({
  name: "max_of",
  args: ["scalar", "scalar"],
  params: ["a", "b"],
  returns: "scalar",
  experimental: true,
  doc: ["The larger of two numbers.", "In durations, too: `rate(x[max_of(step(), 1m)])`."],
  example: "max_of(7, 60)",
  kernel: { kind: "scalar", run: (_timeMs, [a = 0, b = 0]) => larger(a, b) },
});
