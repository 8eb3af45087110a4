/** `label_join`. */
import { queryFailed } from "../failure.ts";
import { labelValue } from "../labels.ts";
import { eachRow, setLabel, textArg, tooLong, VALUE_CHARS_MAX } from "./shared/changed-labels.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const target = textArg(call, 1);
  const separator = textArg(call, 2);
  const sources = call.args.slice(3).map((_arg, i) => textArg(call, i + 3));
  if (sources.includes("")) throw queryFailed("invalid source label name in label_join(): ");
  if (target === "") throw queryFailed(`invalid destination label name in label_join(): ${target}`);
  return eachRow(evaluation, call, grid, (row) => {
    const values = sources.map((source) => labelValue(row.labels, source));
    const chars = values.reduce((sum, value) => sum + value.length + separator.length, 0);
    if (chars > VALUE_CHARS_MAX) throw tooLong("label_join");
    return setLabel(row, target, values.join(separator));
  });
};

export const labelJoin = define({
  name: "label_join",
  args: ["vector", "string", "string", "string"],
  params: ["v", "target", "separator", "source"],
  variadic: -1,
  doc: [
    "Sets a label to the values of others, with a separator between them.",
    "Any number of labels; those that are not there are empty.",
  ],
  example: 'label_join(up, "where", "/", "job", "instance")',
  kernel: { kind: "special", run },
});
