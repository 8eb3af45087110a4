/** Functions that change labels. */
import type { Call, PromqlExpr } from "../ast.ts";
import type { Evaluation } from "../evaluation.ts";
import { queryFailed } from "../failure.ts";
import { labelValue, METRIC_NAME, withLabel } from "../labels.ts";
import { mergeSame, type Row } from "../rows.ts";
import type { Grid } from "../series.ts";
import { define, type FunctionSpec, type SpecialRun } from "./spec.ts";

function text(call: Call, i: number): string {
  const arg = call.args[i];
  return arg?.kind === "string" ? arg.value : "";
}

/** Labels can be made of themselves, again and again: without a bound a short query would fill the memory. */
const VALUE_CHARS_MAX = 16 * 1024;

function tooLong(name: string): Error {
  return queryFailed(
    `${name}() would make a label value longer than ${VALUE_CHARS_MAX} characters`,
  );
}

function setLabel(row: Row, name: string, value: string): Row {
  const dropName = name === METRIC_NAME ? false : row.dropName;
  return { ...row, labels: withLabel(row.labels, name, value), dropName };
}

/** Go's template of a replacement: `$1`, `${1}`, `$name`, `${name}`, `$$`. */
export function expandTemplate(
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

const labelReplace: SpecialRun = async (evaluation, call, grid) => {
  const target = text(call, 1);
  const template = text(call, 2);
  const source = text(call, 3);
  const pattern = text(call, 4);
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

/** With pauses: patterns are run over values that may be long. */
async function eachRow(
  evaluation: Evaluation,
  call: Call,
  grid: Grid,
  change: (row: Row) => Row,
): Promise<Row[]> {
  const out: Row[] = [];
  for (const row of await evaluation.evaluate(call.args[0] as PromqlExpr, grid)) {
    out.push(change(row));
    const pause = evaluation.pause();
    if (pause !== undefined) await pause;
  }
  return mergeSame(out);
}

const labelJoin: SpecialRun = async (evaluation, call, grid) => {
  const target = text(call, 1);
  const separator = text(call, 2);
  const sources = call.args.slice(3).map((_arg, i) => text(call, i + 3));
  if (sources.includes("")) throw queryFailed("invalid source label name in label_join(): ");
  if (target === "") throw queryFailed(`invalid destination label name in label_join(): ${target}`);
  return eachRow(evaluation, call, grid, (row) => {
    const values = sources.map((source) => labelValue(row.labels, source));
    const chars = values.reduce((sum, value) => sum + value.length + separator.length, 0);
    if (chars > VALUE_CHARS_MAX) throw tooLong("label_join");
    return setLabel(row, target, values.join(separator));
  });
};

export const labelFunctions: readonly FunctionSpec[] = [
  define({
    name: "label_replace",
    args: ["vector", "string", "string", "string", "string"],
    doc: "Sets a label from the groups of a pattern that matches the whole of another label.",
    example: 'label_replace(up, "host", "$1", "instance", "(.*):.*")',
    kernel: { kind: "special", run: labelReplace },
  }),
  define({
    name: "label_join",
    args: ["vector", "string", "string", "string"],
    variadic: -1,
    doc: "Sets a label to the values of others, with a separator between them.",
    example: 'label_join(up, "where", "/", "zone", "host")',
    kernel: { kind: "special", run: labelJoin },
  }),
];
