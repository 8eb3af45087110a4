/** The series that stands for those which are not there. */
import type { PromqlExpr } from "../../ast.ts";
import { selectorMatchers } from "../../ast.ts";
import { type Labels, labelsFrom, METRIC_NAME, noLabels } from "../../labels.ts";
import { FLOAT, newRow, NONE, type Row } from "../../rows.ts";

/** The labels that a selector asks for with `=`, once each: those of the series that is not there. */
export function absentLabels(expr: PromqlExpr | undefined): Labels {
  const selector = expr?.kind === "matrix_selector" ? expr.selector : expr;
  if (selector?.kind !== "vector_selector") return noLabels;
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, op, value } of selectorMatchers(selector)) {
    if (name === METRIC_NAME) continue;
    if (op === "=" && !seen.has(name)) {
      found.set(name, value);
      seen.add(name);
    } else {
      found.delete(name);
    }
  }
  return labelsFrom(found);
}

/** 1 at each step where no row has a value. */
export function absentRow(
  rows: readonly Row[],
  labels: Labels,
  options: { steps: number; dropName: boolean },
): Row[] {
  const row = newRow(labels, options.dropName, options.steps);
  let any = false;
  for (let step = 0; step < options.steps; step++) {
    if (rows.some((candidate) => candidate.kind[step] !== NONE)) continue;
    row.kind[step] = FLOAT;
    row.value[step] = 1;
    any = true;
  }
  return any ? [row] : [];
}
