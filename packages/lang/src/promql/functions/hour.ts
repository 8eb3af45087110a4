/** `hour`. */
import { define } from "./spec.ts";

export const hour = define({
  name: "hour",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The hour of the day, 0 to 23, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "hour(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.hour },
});
