/** `step`. */
import { define } from "./spec.ts";

export const step = define({
  name: "step",
  args: [],
  params: [],
  returns: "scalar",
  experimental: true,
  timeDependent: true,
  doc: [
    "The step of the query, in seconds.",
    "0 for an instant query. In durations, too: `rate(x[step() * 2])`.",
  ],
  example: "step()",
  kernel: { kind: "context" },
});
