/** `day_of_year`. */
import { define } from "./spec.ts";

export const dayOfYear = define({
  name: "day_of_year",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The day of the year, 1 to 365, or to 366 in leap years, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "day_of_year(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.yearDay },
});
