/** TraceQL's trees as text, such that parsing it gives the tree again. */
import { unreachable } from "@triptych/model";
import type {
  Attribute,
  FieldExpr,
  MetricsAggregate,
  MetricsExpr,
  Pipeline,
  Scalar,
  SecondStage,
  Spansets,
  Stage,
  TraceqlQuery,
} from "./ast.ts";
import { attributeText } from "./lexer.ts";
import { floatText, printStatic, type Static } from "./static.ts";

export function printTraceql(query: TraceqlQuery): string {
  const body =
    query.kind === "spansets" ? printPipeline(query.pipeline) : printMetrics(query.expr, true);
  if (query.hints.length === 0) return body;
  return `${body} with(${query.hints.map(({ name, value }) => `${name}=${printStatic(value)}`).join(", ")})`;
}

export function printPipeline(pipeline: Pipeline): string {
  return pipeline.stages.map((stage) => printStage(stage)).join(" | ");
}

function printStage(stage: Stage): string {
  switch (stage.kind) {
    case "filter":
      return `{ ${printField(stage.expr)} }`;
    case "operation":
      return `${printSide(stage.left)} ${stage.op} ${printSide(stage.right)}`;
    case "group":
      return `by(${printField(stage.expr)})`;
    case "select":
      return `select(${stage.attributes.map(printAttribute).join(", ")})`;
    case "coalesce":
      return "coalesce()";
    case "scalar_filter":
      return `${printScalar(stage.left)} ${stage.op} ${printScalar(stage.right)}`;
    default:
      return unreachable(stage);
  }
}

function printSide(side: Spansets): string {
  if (side.kind === "filter") return printStage(side);
  return `(${side.kind === "pipeline" ? printPipeline(side) : printStage(side)})`;
}

export function printScalar(scalar: Scalar): string {
  switch (scalar.kind) {
    case "literal":
      return printStatic(scalar.value);
    case "aggregate":
      return `${scalar.op}(${scalar.expr === undefined ? "" : printField(scalar.expr)})`;
    case "scalar_operation":
      return `(${printScalar(scalar.left)} ${scalar.op} ${printScalar(scalar.right)})`;
    case "scalar_pipeline":
      return `(${printPipeline(scalar.pipeline)} | ${printScalar(scalar.scalar)})`;
    default:
      return unreachable(scalar);
  }
}

export function printField(expr: FieldExpr): string {
  switch (expr.kind) {
    case "literal":
      return literalText(expr.value);
    case "attribute":
      return printAttribute(expr);
    case "unary":
      if (expr.op === "exists") return `${printOperand(expr.operand)} != nil`;
      if (expr.op === "missing") return `${printOperand(expr.operand)} = nil`;
      return `${expr.op}${printOperand(expr.operand)}`;
    case "binary":
      return `${printOperand(expr.left)} ${expr.op} ${printOperand(expr.right)}`;
    default:
      return unreachable(expr);
  }
}

/** The two largest integers have names: their digits would not be read back. */
function literalText(value: Static): string {
  if (value.type === "int" && value.value === -(2n ** 63n)) return "minInt";
  return printStatic(value);
}

function printOperand(expr: FieldExpr): string {
  const text = printField(expr);
  return expr.kind === "literal" || expr.kind === "attribute" ? text : `(${text})`;
}

/** As it is written in a query and shown in labels. */
export function printAttribute(attribute: Attribute): string {
  if (attribute.intrinsic !== undefined) return attribute.name;
  const parent = attribute.parent ? "parent." : "";
  const scope = attribute.scope === "none" ? (attribute.parent ? "" : ".") : `${attribute.scope}.`;
  return `${parent}${scope}${attributeText(attribute.name)}`;
}

export function printMetrics(expr: MetricsExpr, bare = false): string {
  const stages = expr.stages.map(printSecondStage).join("");
  switch (expr.kind) {
    case "metrics_query": {
      const query = `${printPipeline(expr.pipeline)} | ${printAggregate(expr.aggregate)}${stages}`;
      return bare ? query : `(${query})`;
    }
    case "metrics_scalar": {
      const operand = printMathSide(expr.operand);
      const value = floatText(expr.value);
      return expr.numberFirst
        ? `${value} ${expr.op} ${operand}${stages}`
        : `${operand} ${expr.op} ${value}${stages}`;
    }
    default:
      return `${printMathSide(expr.left)} ${expr.op} ${printMathSide(expr.right)}${stages}`;
  }
}

function printMathSide(expr: MetricsExpr): string {
  const text = printMetrics(expr);
  return expr.kind === "metrics_query" ? text : `(${text})`;
}

function printSecondStage(stage: SecondStage): string {
  if (stage.kind === "top") return ` | ${stage.op}(${stage.limit})`;
  return ` ${stage.op} ${printStatic(stage.value)}`;
}

function printAggregate(aggregate: MetricsAggregate): string {
  if (aggregate.kind === "compare") {
    const times = aggregate.start === 0 ? "" : `, ${aggregate.start}, ${aggregate.end}`;
    return `compare({ ${printField(aggregate.filter.expr)} }, ${aggregate.topN}${times})`;
  }
  const attribute = aggregate.attribute === undefined ? [] : [printAttribute(aggregate.attribute)];
  const inside = [...attribute, ...aggregate.quantiles.map(String)].join(", ");
  const by =
    aggregate.by.length === 0 ? "" : ` by (${aggregate.by.map(printAttribute).join(", ")})`;
  return `${aggregate.op}(${inside})${by}`;
}
