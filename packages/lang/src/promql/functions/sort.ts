/** `sort`. */
import { byValues } from "./shared/sorted-rows.ts";
import { define } from "./spec.ts";

export const sort = define({
  name: "sort",
  args: ["vector"],
  params: ["v"],
  doc: [
    "The series in ascending order of their values, NaN last.",
    "Only for instant queries: in range queries it changes nothing, with a warning.",
    "Native histograms are left out.",
  ],
  example: "sort(temperature_celsius)",
  kernel: { kind: "special", run: byValues(1) },
});
