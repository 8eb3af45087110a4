/** `day_of_week`. */
import { define } from "./spec.ts";

export const dayOfWeek = define({
  name: "day_of_week",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The day of the week, 0 (Sunday) to 6, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "day_of_week(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.weekday },
});
