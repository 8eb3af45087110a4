/** Walking TraceQL's trees: which attributes a query looks at, and which stages it has. */
import { unreachable } from "@triptych/model";
import type {
  Attribute,
  FieldExpr,
  MetricsExpr,
  MetricsQuery,
  Pipeline,
  Scalar,
  Spansets,
  Stage,
} from "./ast.ts";

/** Calls `each` for every attribute and intrinsic of an expression. */
export function eachAttribute(expr: FieldExpr, each: (attribute: Attribute) => void): void {
  switch (expr.kind) {
    case "literal":
      return;
    case "attribute":
      each(expr);
      return;
    case "unary":
      eachAttribute(expr.operand, each);
      return;
    case "binary":
      eachAttribute(expr.left, each);
      eachAttribute(expr.right, each);
      return;
    default:
      unreachable(expr);
  }
}

export function referencesSpan(expr: FieldExpr): boolean {
  let found = false;
  eachAttribute(expr, () => {
    found = true;
  });
  return found;
}

/** Every attribute that evaluating the pipeline needs, or that its result shows. */
export function pipelineAttributes(pipeline: Pipeline, each: (attribute: Attribute) => void): void {
  for (const stage of pipeline.stages) stageAttributes(stage, each);
}

function stageAttributes(stage: Stage | Spansets, each: (attribute: Attribute) => void): void {
  switch (stage.kind) {
    case "filter":
    case "group":
      eachAttribute(stage.expr, each);
      return;
    case "operation":
      stageAttributes(stage.left, each);
      stageAttributes(stage.right, each);
      return;
    case "pipeline":
      pipelineAttributes(stage, each);
      return;
    case "scalar_filter":
      scalarAttributes(stage.left, each);
      scalarAttributes(stage.right, each);
      return;
    case "select":
      stage.attributes.forEach(each);
      return;
    case "coalesce":
      return;
    default:
      unreachable(stage);
  }
}

function scalarAttributes(scalar: Scalar, each: (attribute: Attribute) => void): void {
  switch (scalar.kind) {
    case "literal":
      return;
    case "aggregate":
      if (scalar.expr !== undefined) eachAttribute(scalar.expr, each);
      return;
    case "scalar_operation":
      scalarAttributes(scalar.left, each);
      scalarAttributes(scalar.right, each);
      return;
    case "scalar_pipeline":
      pipelineAttributes(scalar.pipeline, each);
      scalarAttributes(scalar.scalar, each);
      return;
    default:
      unreachable(scalar);
  }
}

/** The queries of a metrics expression, from left to right. */
export function metricsQueries(expr: MetricsExpr): MetricsQuery[] {
  switch (expr.kind) {
    case "metrics_query":
      return [expr];
    case "metrics_scalar":
      return metricsQueries(expr.operand);
    default:
      return [...metricsQueries(expr.left), ...metricsQueries(expr.right)];
  }
}

/** The same text for the same attribute. */
export function attributeKey(attribute: Attribute): string {
  if (attribute.intrinsic !== undefined) return attribute.intrinsic;
  return `${attribute.parent ? "parent." : ""}${attribute.scope}.${attribute.name}`;
}
