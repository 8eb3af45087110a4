/**
 * Which events and links stand for a span where one value is shown, grouped by or aggregated: those that fit what the
 * query asks of them. `{ event:name = "exception" } | rate() by (event.exception.type)` counts types of exceptions,
 * whatever else happened before.
 */
import type { FieldExpr, Pipeline, Scalar, Spansets, Stage } from "./ast.ts";
import { itemScope } from "./conjuncts.ts";

export type ItemScope = "event" | "link";

/** What each filter of a pipeline asks of one event, or of one link; nothing else of it is left. */
export function askedOfItems(pipeline: Pipeline, scope: ItemScope): readonly FieldExpr[] {
  const out: FieldExpr[] = [];
  eachFilter(pipeline, (expr) => {
    const part = partOf(expr, scope);
    if (part !== undefined) out.push(part);
  });
  return out;
}

function partOf(expr: FieldExpr, scope: ItemScope): FieldExpr | undefined {
  if (expr.kind === "binary" && (expr.op === "&&" || expr.op === "||")) {
    const left = partOf(expr.left, scope);
    const right = partOf(expr.right, scope);
    return left === undefined || right === undefined ? (left ?? right) : { ...expr, left, right };
  }
  return itemScope(expr) === scope ? expr : undefined;
}

function eachFilter(stage: Stage | Spansets, each: (expr: FieldExpr) => void): void {
  if (stage.kind === "filter") each(stage.expr);
  if (stage.kind === "pipeline") for (const one of stage.stages) eachFilter(one, each);
  if (stage.kind === "operation")
    for (const side of [stage.left, stage.right]) eachFilter(side, each);
  if (stage.kind === "scalar_filter")
    for (const side of [stage.left, stage.right]) eachFilterOf(side, each);
}

function eachFilterOf(scalar: Scalar, each: (expr: FieldExpr) => void): void {
  if (scalar.kind === "scalar_pipeline") {
    eachFilter(scalar.pipeline, each);
    eachFilterOf(scalar.scalar, each);
  }
  if (scalar.kind === "scalar_operation")
    for (const side of [scalar.left, scalar.right]) eachFilterOf(side, each);
}
