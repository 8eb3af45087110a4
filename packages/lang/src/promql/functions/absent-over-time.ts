/** `absent_over_time`. */
import type { PromqlExpr } from "../ast.ts";
import { evaluateRange } from "../range-eval.ts";
import { absentLabels, absentRow } from "./shared/absent-row.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const present = { call, kernel: { kind: "range", run: () => 1 } } as const;
  const rows = await evaluateRange(evaluation, present, grid);
  const labels = absentLabels(call.args[0] as PromqlExpr);
  return absentRow(rows, labels, { steps: grid.count, dropName: true });
};

export const absentOverTime = define({
  name: "absent_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "1 when no series has a sample in the range, and nothing when one has.",
    "The result has the labels that a selector asks for with `=`, so that an alert can tell what is missing.",
  ],
  example: 'absent_over_time(up{job="mail"}[10m])',
  kernel: { kind: "special", run },
});
