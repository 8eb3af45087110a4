/** `day_of_month`. */
import { define } from "./spec.ts";

export const dayOfMonth = define({
  name: "day_of_month",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The day of the month, 1 to 31, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "day_of_month(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.day },
});
