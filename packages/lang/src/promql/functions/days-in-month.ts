/** `days_in_month`. */
import { define } from "./spec.ts";

export const daysInMonth = define({
  name: "days_in_month",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "How many days the month has, 28 to 31.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "days_in_month(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.daysInMonth },
});
