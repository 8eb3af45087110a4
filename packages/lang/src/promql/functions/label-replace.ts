/** `label_replace`. */
import { queryFailed } from "../failure.ts";
import { labelValue } from "../labels.ts";
import { eachRow, setLabel, textArg, tooLong, VALUE_CHARS_MAX } from "./shared/changed-labels.ts";
import { define, type SpecialRun } from "./spec.ts";

/** Go's template of a replacement: `$1`, `${1}`, `$name`, `${name}`, `$$`. */
function expandTemplate(
  template: string,
  groups: readonly (string | undefined)[],
  names: ReadonlyMap<string, number>,
): string {
  let left = VALUE_CHARS_MAX;
  const bounded = (piece: string): string => {
    left -= piece.length;
    if (left < 0) throw tooLong("label_replace");
    return piece;
  };
  return template.replace(
    /\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))?/gu,
    (
      all: string,
      dollar: string | undefined,
      braced: string | undefined,
      plain: string | undefined,
    ) => {
      if (dollar !== undefined) return "$";
      const name = braced ?? plain;
      if (name === undefined) return all;
      const index = /^\d+$/.test(name) ? Number(name) : names.get(name);
      return index === undefined ? "" : bounded(groups[index] ?? "");
    },
  );
}

const run: SpecialRun = async (evaluation, call, grid) => {
  const target = textArg(call, 1);
  const template = textArg(call, 2);
  const source = textArg(call, 3);
  const pattern = textArg(call, 4);
  let regex: ReturnType<typeof evaluation.regex>;
  try {
    regex = evaluation.regex(pattern);
  } catch {
    throw queryFailed(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (target === "")
    throw queryFailed(`invalid destination label name in label_replace(): ${target}`);
  return eachRow(evaluation, call, grid, (row) => {
    const groups = regex.groups(labelValue(row.labels, source));
    if (groups === undefined) return row;
    return setLabel(row, target, expandTemplate(template, groups, regex.names));
  });
};

export const labelReplace = define({
  name: "label_replace",
  args: ["vector", "string", "string", "string", "string"],
  params: ["v", "target", "replacement", "source", "pattern"],
  doc: [
    "Sets a label to what a pattern finds in another label.",
    "The pattern has to match the whole value; `$1` or `${name}` in the replacement stand for its groups. Series whose label does not match stay as they are, and an empty result removes the label.",
  ],
  example: 'label_replace(up, "host", "$1", "instance", "(.*):.*")',
  kernel: { kind: "special", run },
});
