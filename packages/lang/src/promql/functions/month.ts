/** `month`. */
import { define } from "./spec.ts";

export const month = define({
  name: "month",
  args: ["vector"],
  params: ["v"],
  variadic: 1,
  timeDependent: true,
  doc: [
    "The month of the year, 1 (January) to 12, in UTC.",
    "The samples are seconds since 1970; without an argument the evaluation time is taken.",
    "Native histograms are left out.",
  ],
  example: "month(process_start_time_seconds)",
  kernel: { kind: "date", run: (date) => date.month },
});
