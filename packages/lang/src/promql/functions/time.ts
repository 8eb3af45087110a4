/** `time`. */
import { define } from "./spec.ts";

export const time = define({
  name: "time",
  args: [],
  params: [],
  returns: "scalar",
  timeDependent: true,
  doc: [
    "The evaluation time, in seconds since 1970.",
    "In a range query that of each step, not the time of the samples: for those there is `timestamp`.",
  ],
  example: "time() - timestamp(up)",
  kernel: { kind: "scalar", run: (timeMs) => timeMs / 1000 },
});
