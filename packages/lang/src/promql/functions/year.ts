/** `year`. */
import { define } from "./spec.ts";

export const year = define({
  name: "year",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The year, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "year(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.year },
});
