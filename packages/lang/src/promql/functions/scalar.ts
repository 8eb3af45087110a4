/** `scalar`. */
import type { PromqlExpr } from "../ast.ts";
import { noLabels } from "../labels.ts";
import { FLOAT, newRow } from "../rows.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const rows = await evaluation.evaluate(call.args[0] as PromqlExpr, grid);
  const out = newRow(noLabels, false, grid.count);
  for (let step = 0; step < grid.count; step++) {
    const floats = rows.filter((row) => row.kind[step] === FLOAT);
    out.kind[step] = FLOAT;
    out.value[step] = floats.length === 1 ? (floats[0]?.value[step] as number) : Number.NaN;
  }
  return [out];
};

export const scalar = define({
  name: "scalar",
  args: ["vector"],
  params: ["v"],
  returns: "scalar",
  doc: [
    "The only value of a vector as a number.",
    "NaN when the vector is empty or has several values.",
    "Native histograms do not count.",
  ],
  example: "scalar(sum(up))",
  kernel: { kind: "special", run },
});
