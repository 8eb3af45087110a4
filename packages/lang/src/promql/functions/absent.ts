/** `absent`. */
import type { PromqlExpr } from "../ast.ts";
import { absentLabels, absentRow } from "./shared/absent-row.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const arg = call.args[0] as PromqlExpr;
  const rows = await evaluation.evaluate(arg, grid);
  return absentRow(rows, absentLabels(arg), { steps: grid.count, dropName: false });
};

export const absent = define({
  name: "absent",
  args: ["vector"],
  params: ["v"],
  doc: [
    "1 when the vector is empty, and nothing when it is not.",
    "The result has the labels that a selector asks for with `=`, so that an alert can tell what is missing.",
  ],
  example: 'absent(up{job="mail"})',
  kernel: { kind: "special", run },
});
