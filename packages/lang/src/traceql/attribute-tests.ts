/** By which comparisons a query names its attributes: an answer shows what fitted, not all that was looked at. */
import type { Binary, FieldExpr, Pipeline, Scalar, Spansets, Stage } from "./ast.ts";
import { attributeKey, eachAttribute } from "./walk.ts";

/**
 * For each attribute that is only ever compared with values, those comparisons, under its `attributeKey`. One that is
 * also selected, grouped by, aggregated or calculated with is not among them, and neither are places in the tree.
 */
export function attributeTests(pipeline: Pipeline): ReadonlyMap<string, readonly Binary[]> {
  const tests = new Map<string, Binary[]>();
  const others = new Set<string>();
  const anyUse = (expr: FieldExpr): void =>
    eachAttribute(expr, (attribute) => {
      others.add(attributeKey({ ...attribute, parent: false }));
    });
  const field = (expr: FieldExpr): void => {
    if (expr.kind === "binary" && (expr.op === "&&" || expr.op === "||")) {
      field(expr.left);
      field(expr.right);
      return;
    }
    const own = expr.kind === "binary" ? compared(expr) : undefined;
    if (own === undefined || expr.kind !== "binary") anyUse(expr);
    else tests.set(own, [...(tests.get(own) ?? []), expr]);
  };
  eachStage(pipeline, (stage) => {
    if (stage.kind === "filter") field(stage.expr);
    else if (stage.kind === "group") anyUse(stage.expr);
    else if (stage.kind === "select") stage.attributes.forEach(anyUse);
    else if (stage.kind === "scalar_filter") {
      eachAggregated(stage.left, anyUse);
      eachAggregated(stage.right, anyUse);
    }
  });
  for (const key of others) tests.delete(key);
  return tests;
}

/** The attribute that a comparison with a literal is about. */
function compared({ left, right }: Binary): string | undefined {
  const attribute = left.kind === "attribute" ? left : right;
  const literal = left.kind === "attribute" ? right : left;
  if (attribute.kind !== "attribute" || literal.kind !== "literal" || attribute.parent)
    return undefined;
  if (attribute.intrinsic?.startsWith("nestedSet") === true) return undefined;
  return literal.value.type === "nil" ? undefined : attributeKey(attribute);
}

function eachStage(stage: Stage | Spansets, each: (stage: Stage) => void): void {
  if (stage.kind === "pipeline") {
    for (const one of stage.stages) eachStage(one, each);
    return;
  }
  each(stage);
  if (stage.kind === "operation") {
    eachStage(stage.left, each);
    eachStage(stage.right, each);
  }
  if (stage.kind === "scalar_filter")
    for (const side of [stage.left, stage.right]) eachPipeline(side, each);
}

function eachPipeline(scalar: Scalar, each: (stage: Stage) => void): void {
  if (scalar.kind === "scalar_pipeline") {
    eachStage(scalar.pipeline, each);
    eachPipeline(scalar.scalar, each);
  }
  if (scalar.kind === "scalar_operation")
    for (const side of [scalar.left, scalar.right]) eachPipeline(side, each);
}

function eachAggregated(scalar: Scalar, each: (expr: FieldExpr) => void): void {
  if (scalar.kind === "aggregate" && scalar.expr !== undefined) each(scalar.expr);
  if (scalar.kind === "scalar_pipeline") eachAggregated(scalar.scalar, each);
  if (scalar.kind === "scalar_operation")
    for (const side of [scalar.left, scalar.right]) eachAggregated(side, each);
}
