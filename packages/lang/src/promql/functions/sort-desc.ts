/** `sort_desc`. */
import { byValues } from "./shared/sorted-rows.ts";
import { define } from "./spec.ts";

export const sortDesc = define({
  name: "sort_desc",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The series in descending order of their values, NaN last.",
    "Only for instant queries: in range queries it changes nothing, with a warning.",
    "Native histograms are left out.",
  ],
  example: "sort_desc(temperature_celsius)",
  kernel: { kind: "special", run: byValues(-1) },
});
