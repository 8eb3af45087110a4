/**
 * Checks what the grammar lets through: types of operands, regular expressions, limits of functions. A mistake is
 * `query_invalid`; what we do not evaluate is `query_unsupported`.
 */
import { unreachable } from "@triptych/model";
import { invalidAt, type Span, shown, unsupportedAt } from "../source.ts";
import { combinable, isArithmetic, takes } from "./arithmetic.ts";
import type {
  Aggregate,
  Attribute,
  Binary,
  Compare,
  FieldExpr,
  MetricsAggregate,
  MetricsExpr,
  Pipeline,
  Scalar,
  SecondStage,
  Spansets,
  Stage,
  TraceqlQuery,
  Unary,
} from "./ast.ts";
import { intrinsicOf } from "./intrinsics.ts";
import { printField, printScalar } from "./printer.ts";
import { referencesSpan } from "./walk.ts";

/** Refuses a pattern that RE2 does not take; `offset` is its place in the query. */
export type CheckRegex = (pattern: string, offset: number) => void;

const GROUP_BY_MAX = 5;
const COMPARE_TOP_MAX = 1_000;

export function validateTraceql(query: TraceqlQuery, checkRegex: CheckRegex): void {
  const checker = new Checker(checkRegex);
  if (query.kind === "spansets") checker.pipeline(query.pipeline);
  else checker.metrics(query.expr);
}

/** The type an expression has whatever the data; `attribute` when only the data can tell. */
export function impliedType(expr: FieldExpr): string {
  switch (expr.kind) {
    case "literal":
      return expr.value.type;
    case "attribute":
      return expr.intrinsic === undefined
        ? "attribute"
        : (intrinsicOf(expr.intrinsic)?.type ?? "attribute");
    case "unary":
      return expr.op === "exists" || expr.op === "missing" ? "bool" : impliedType(expr.operand);
    case "binary": {
      if (!isArithmetic(expr.op)) return "bool";
      const left = impliedType(expr.left);
      return left === "attribute" ? impliedType(expr.right) : left;
    }
    default:
      return unreachable(expr);
  }
}

function scalarType(scalar: Scalar): string {
  switch (scalar.kind) {
    case "literal":
      return scalar.value.type;
    case "aggregate":
      return scalar.op === "count" || scalar.expr === undefined ? "int" : impliedType(scalar.expr);
    case "scalar_pipeline":
      return scalarType(scalar.scalar);
    default: {
      const left = scalarType(scalar.left);
      return left === "attribute" ? scalarType(scalar.right) : left;
    }
  }
}

const numeric = new Set(["int", "float", "duration", "attribute"]);

class Checker {
  private readonly checkRegex: CheckRegex;

  constructor(checkRegex: CheckRegex) {
    this.checkRegex = checkRegex;
  }

  pipeline(pipeline: Pipeline): void {
    for (const stage of pipeline.stages) this.stage(stage);
  }

  private stage(stage: Stage | Spansets): void {
    switch (stage.kind) {
      case "filter": {
        this.field(stage.expr);
        const type = impliedType(stage.expr);
        if (type !== "attribute" && type !== "bool")
          throw invalidAt(
            stage.expr.span.start,
            `${shown(printField(stage.expr))} is of type ${type}; a span filter is true or false`,
          );
        return;
      }
      case "operation":
        this.stage(stage.left);
        this.stage(stage.right);
        return;
      case "pipeline":
        this.pipeline(stage);
        return;
      case "group":
        if (!referencesSpan(stage.expr))
          throw invalidAt(
            stage.expr.span.start,
            `by(${printField(stage.expr)}) names nothing of a span`,
          );
        this.field(stage.expr);
        return;
      case "select":
        for (const attribute of stage.attributes) this.attribute(attribute);
        return;
      case "coalesce":
        return;
      case "scalar_filter":
        this.scalar(stage.left);
        this.scalar(stage.right);
        operands(stage.op, [scalarType(stage.left), scalarType(stage.right)], stage.span);
        return;
      default:
        unreachable(stage);
    }
  }

  private scalar(scalar: Scalar): void {
    switch (scalar.kind) {
      case "literal":
        return;
      case "aggregate":
        this.aggregate(scalar);
        return;
      case "scalar_pipeline":
        this.pipeline(scalar.pipeline);
        this.scalar(scalar.scalar);
        return;
      default:
        this.scalar(scalar.left);
        this.scalar(scalar.right);
        operands(scalar.op, [scalarType(scalar.left), scalarType(scalar.right)], scalar.span);
    }
  }

  private aggregate(aggregate: Aggregate): void {
    const { expr } = aggregate;
    if (expr === undefined) return;
    this.field(expr);
    const text = shown(printScalar(aggregate));
    if (!numeric.has(impliedType(expr)))
      throw invalidAt(expr.span.start, `${text} needs a number, not a ${impliedType(expr)}`);
    if (!referencesSpan(expr)) throw invalidAt(expr.span.start, `${text} names nothing of a span`);
  }

  private field(expr: FieldExpr): void {
    switch (expr.kind) {
      case "literal":
        return;
      case "attribute":
        this.attribute(expr);
        return;
      case "unary":
        this.unary(expr);
        return;
      case "binary":
        this.binary(expr);
        return;
      default:
        unreachable(expr);
    }
  }

  private attribute(attribute: Attribute): void {
    if (attribute.intrinsic === "parent")
      throw unsupportedAt(attribute.span.start, "the intrinsic parent");
  }

  private unary(expr: Unary): void {
    this.field(expr.operand);
    const { operand } = expr;
    if (expr.op === "missing" && operand.kind === "attribute") {
      const service = operand.scope === "resource" && operand.name === "service.name";
      if (operand.intrinsic !== undefined || (service && !operand.parent))
        throw invalidAt(expr.span.start, `${shown(printField(operand))} is never nil`);
    }
    const type = impliedType(operand);
    const fits =
      expr.op === "-"
        ? numeric.has(type)
        : expr.op !== "!" || type === "bool" || type === "attribute";
    if (!fits) throw invalidAt(expr.span.start, `${shown(expr.op)} cannot stand before a ${type}`);
  }

  private binary(expr: Binary): void {
    this.field(expr.left);
    this.field(expr.right);
    operands(expr.op, [impliedType(expr.left), impliedType(expr.right)], expr.span);
    if (expr.op !== "=~" && expr.op !== "!~") return;
    const { right } = expr;
    if (right.kind !== "literal" || right.value.type !== "string")
      throw invalidAt(
        right.span.start,
        `${expr.op} needs a regular expression between quotes on its right`,
      );
    this.checkRegex(right.value.value, right.span.start);
  }

  metrics(expr: MetricsExpr): void {
    const compares = expr.kind === "metrics_query" && expr.aggregate.kind === "compare";
    if (compares && expr.stages.length > 0)
      throw invalidAt(expr.stages[0]?.span.start ?? 0, "compare() takes no further functions");
    for (const stage of expr.stages) secondStage(stage);
    switch (expr.kind) {
      case "metrics_query":
        this.pipeline(expr.pipeline);
        this.metricsAggregate(expr.aggregate);
        return;
      case "metrics_scalar":
        this.operandOfMath(expr.operand);
        return;
      default:
        this.operandOfMath(expr.left);
        this.operandOfMath(expr.right);
    }
  }

  private operandOfMath(expr: MetricsExpr): void {
    if (expr.kind === "metrics_query" && expr.aggregate.kind === "compare")
      throw invalidAt(expr.span.start, "compare() cannot be computed with");
    this.metrics(expr);
  }

  private metricsAggregate(aggregate: MetricsAggregate): void {
    if (aggregate.kind === "compare") {
      this.stage(aggregate.filter);
      compareArguments(aggregate);
      return;
    }
    for (const attribute of aggregate.by) this.attribute(attribute);
    if (aggregate.attribute !== undefined) {
      this.attribute(aggregate.attribute);
      const type = impliedType(aggregate.attribute);
      if (!numeric.has(type))
        throw invalidAt(
          aggregate.attribute.span.start,
          `${aggregate.op} needs a number, not a ${type}`,
        );
    }
    if (aggregate.by.length > GROUP_BY_MAX)
      throw invalidAt(
        aggregate.span.start,
        `metrics are grouped by at most ${GROUP_BY_MAX} attributes`,
      );
    for (const quantile of aggregate.quantiles)
      if (!(quantile >= 0 && quantile <= 1))
        throw invalidAt(aggregate.span.start, `the quantile ${quantile} is not between 0 and 1`);
  }
}

function compareArguments({ topN, start, end, span }: Compare): void {
  if (topN < 1 || topN > COMPARE_TOP_MAX)
    throw invalidAt(span.start, `compare() lists 1 to ${COMPARE_TOP_MAX} values`);
  // biome-ignore lint/suspicious/noDoubleEquals: a number or a bigint
  if (start == 0 && end == 0) return;
  if (end <= start) throw invalidAt(span.start, "the end of compare() is not after its start");
}

function secondStage(stage: SecondStage): void {
  if (stage.kind === "top" && stage.limit <= 0)
    throw invalidAt(stage.span.start, `${stage.op} needs a number above zero`);
}

function operands(op: Binary["op"], types: readonly [string, string], span: Span): void {
  const [left, right] = types;
  if (!combinable(left, right))
    throw invalidAt(span.start, `${shown(op)} cannot combine a ${left} and a ${right}`);
  for (const type of types)
    if (!takes(op, type)) throw invalidAt(span.start, `${shown(op)} does not take a ${type}`);
}
