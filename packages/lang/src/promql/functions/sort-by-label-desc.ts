/** `sort_by_label_desc`. */
import { byLabels } from "./shared/sorted-rows.ts";
import { define } from "./spec.ts";

export const sortByLabelDesc = define({
  name: "sort_by_label_desc",
  args: ["vector", "string"],
  params: ["v", "label"],
  variadic: -1,
  experimental: true,
  doc: [
    "The series in descending order of the values of labels.",
    "Numbers within values count as numbers, so that `a2` stands before `a10`; where all of the labels are equal, the whole set of labels decides.",
    "Only for instant queries: in range queries it changes nothing, with a warning.",
  ],
  example: 'sort_by_label_desc(up, "instance")',
  kernel: { kind: "special", run: byLabels(-1) },
});
