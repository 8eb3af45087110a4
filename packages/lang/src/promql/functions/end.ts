/** `end`. */
import { define } from "./spec.ts";

export const end = define({
  name: "end",
  args: [],
  params: [],
  returns: "scalar",
  experimental: true,
  timeDependent: true,
  doc: [
    "The end of the query's time range, in seconds since 1970.",
    "Of an instant query its time. After `@` it fixes a selector to that time: `up @ end()`.",
  ],
  example: "end()",
  kernel: { kind: "context" },
});
