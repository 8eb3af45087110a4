/** `vector`. */
import type { PromqlExpr } from "../ast.ts";
import { noLabels } from "../labels.ts";
import { FLOAT, newRow } from "../rows.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const value = await evaluation.scalar(call.args[0] as PromqlExpr, grid);
  return [{ ...newRow(noLabels, false, 0), kind: new Uint8Array(grid.count).fill(FLOAT), value }];
};

export const vector = define({
  name: "vector",
  args: ["scalar"],
  params: ["number"],
  doc: ["The number as a vector of one series without labels."],
  example: "vector(1)",
  kernel: { kind: "special", run },
});
