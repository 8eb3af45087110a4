/** Functions that set a label of each series. */
import type { Call, PromqlExpr } from "../../ast.ts";
import type { Evaluation } from "../../evaluation.ts";
import { queryFailed } from "../../failure.ts";
import { METRIC_NAME, withLabel } from "../../labels.ts";
import { mergeSame, type Row } from "../../rows.ts";
import type { Grid } from "../../series.ts";

export function textArg(call: Call, i: number): string {
  const arg = call.args[i];
  return arg?.kind === "string" ? arg.value : "";
}

/** Labels can be made of themselves, again and again: without a bound a short query would fill the memory. */
export const VALUE_CHARS_MAX = 16 * 1024;

export function tooLong(name: string): Error {
  return queryFailed(
    `${name}() would make a label value longer than ${VALUE_CHARS_MAX} characters`,
  );
}

export function setLabel(row: Row, name: string, value: string): Row {
  const dropName = name === METRIC_NAME ? false : row.dropName;
  return { ...row, labels: withLabel(row.labels, name, value), dropName };
}

/** With pauses: patterns are run over values that may be long. */
export async function eachRow(
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
