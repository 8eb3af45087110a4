/** `minute`. */
import { define } from "./spec.ts";

export const minute = define({
  name: "minute",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The minute of the hour, 0 to 59, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "minute(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.minute },
});
