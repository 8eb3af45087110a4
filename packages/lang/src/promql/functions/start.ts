/** `start`. */
import { define } from "./spec.ts";

export const start = define({
  name: "start",
  args: [],
  params: [],
  returns: "scalar",
  experimental: true,
  timeDependent: true,
  doc: [
    "The beginning of the query's time range, in seconds since 1970.",
    "Of an instant query its time. After `@` it fixes a selector to that time: `up @ start()`.",
  ],
  example: "start()",
  kernel: { kind: "context" },
});
