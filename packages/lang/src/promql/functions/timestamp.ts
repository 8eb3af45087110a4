/** `timestamp`. */
import { timeOfSample } from "./shared/time-of-sample.ts";
import { define } from "./spec.ts";

export const timestamp = define({
  name: "timestamp",
  args: ["vector"],
  params: ["v"],
  timeDependent: true,
  doc: [
    "The time of each sample, in seconds since 1970.",
    "Of what is computed, that is of all but a plain selector, the evaluation time.",
    "Floats and native histograms.",
  ],
  example: "time() - timestamp(up)",
  kernel: { kind: "special", run: timeOfSample("time") },
});
