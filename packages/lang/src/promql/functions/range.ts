/** `range`. */
import { define } from "./spec.ts";

export const range = define({
  name: "range",
  args: [],
  params: [],
  returns: "scalar",
  experimental: true,
  timeDependent: true,
  doc: [
    "The length of the query's time range, in seconds.",
    "0 for an instant query. In durations, too: `rate(x[range()])`.",
  ],
  example: "range()",
  kernel: { kind: "context" },
});
