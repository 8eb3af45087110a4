/** The syntax tree of TraceQL. Every node knows its place in the query's text. */
import type { Span } from "../source.ts";
import type { IntrinsicName } from "./intrinsics.ts";
import type { Static } from "./static.ts";

export type AttributeScope = "none" | "span" | "resource" | "event" | "link" | "instrumentation";

/** An attribute, or an intrinsic when `intrinsic` is set; `name` is then its printed form. */
export interface Attribute {
  readonly kind: "attribute";
  readonly scope: AttributeScope;
  /** Of the parent span. */
  readonly parent: boolean;
  readonly name: string;
  readonly intrinsic?: IntrinsicName | undefined;
  readonly span: Span;
}

export interface Literal {
  readonly kind: "literal";
  readonly value: Static;
  readonly span: Span;
}

export type UnaryOp = "-" | "!" | "exists" | "missing";
export interface Unary {
  readonly kind: "unary";
  readonly op: UnaryOp;
  readonly operand: FieldExpr;
  readonly span: Span;
}

export type ArithmeticOp = "+" | "-" | "*" | "/" | "%" | "^";
export type CompareOp = "=" | "!=" | "<" | "<=" | ">" | ">=";
export type FieldOp = ArithmeticOp | CompareOp | "=~" | "!~" | "&&" | "||";
export interface Binary {
  readonly kind: "binary";
  readonly op: FieldOp;
  readonly left: FieldExpr;
  readonly right: FieldExpr;
  readonly span: Span;
}

export type FieldExpr = Attribute | Literal | Unary | Binary;

/** `{ … }`; the expression is `true` when there is none. */
export interface SpansetFilter {
  readonly kind: "filter";
  readonly expr: FieldExpr;
  readonly span: Span;
}

export const structuralOps = [
  ...[">", "<", ">>", "<<", "~"],
  ...["!>", "!<", "!>>", "!<<", "!~"],
  ...["&>", "&<", "&>>", "&<<", "&~"],
] as const;
export type StructuralOp =
  | ">"
  | "<"
  | ">>"
  | "<<"
  | "~"
  | "!>"
  | "!<"
  | "!>>"
  | "!<<"
  | "!~"
  | "&>"
  | "&<"
  | "&>>"
  | "&<<"
  | "&~";
export type SpansetOp = StructuralOp | "&&" | "||";

export interface SpansetOperation {
  readonly kind: "operation";
  readonly op: SpansetOp;
  readonly left: Spansets;
  readonly right: Spansets;
  readonly span: Span;
}

export type AggregateOp = "count" | "min" | "max" | "avg" | "sum";
export interface Aggregate {
  readonly kind: "aggregate";
  readonly op: AggregateOp;
  readonly expr?: FieldExpr | undefined;
  readonly span: Span;
}

export interface ScalarOperation {
  readonly kind: "scalar_operation";
  readonly op: ArithmeticOp;
  readonly left: Scalar;
  readonly right: Scalar;
  readonly span: Span;
}

/** A pipeline that ends in an aggregate, in parentheses. */
export interface ScalarPipeline {
  readonly kind: "scalar_pipeline";
  readonly pipeline: Pipeline;
  readonly scalar: Scalar;
  readonly span: Span;
}

export type Scalar = Literal | Aggregate | ScalarOperation | ScalarPipeline;

export interface ScalarFilter {
  readonly kind: "scalar_filter";
  readonly op: CompareOp;
  readonly left: Scalar;
  readonly right: Scalar;
  readonly span: Span;
}

export interface Group {
  readonly kind: "group";
  readonly expr: FieldExpr;
  readonly span: Span;
}
export interface Select {
  readonly kind: "select";
  readonly attributes: readonly Attribute[];
  readonly span: Span;
}
export interface Coalesce {
  readonly kind: "coalesce";
  readonly span: Span;
}

export type Stage = SpansetFilter | SpansetOperation | ScalarFilter | Group | Select | Coalesce;

export interface Pipeline {
  readonly kind: "pipeline";
  readonly stages: readonly Stage[];
  readonly span: Span;
}

/** What a spanset operator takes. */
export type Spansets = SpansetFilter | SpansetOperation | Pipeline;

export type OverTimeOp =
  | "rate"
  | "count_over_time"
  | "min_over_time"
  | "max_over_time"
  | "avg_over_time"
  | "sum_over_time"
  | "quantile_over_time"
  | "histogram_over_time";

export interface OverTime {
  readonly kind: "over_time";
  readonly op: OverTimeOp;
  readonly attribute?: Attribute | undefined;
  readonly quantiles: readonly number[];
  readonly by: readonly Attribute[];
  readonly span: Span;
}

export interface Compare {
  readonly kind: "compare";
  readonly filter: SpansetFilter;
  readonly topN: number;
  /** Nanoseconds; 0 when not given. */
  readonly start: number | bigint;
  readonly end: number | bigint;
  readonly span: Span;
}

export type MetricsAggregate = OverTime | Compare;

export type SecondStage =
  | {
      readonly kind: "top";
      readonly op: "topk" | "bottomk";
      readonly limit: number;
      readonly span: Span;
    }
  | {
      readonly kind: "threshold";
      readonly op: CompareOp;
      readonly value: Static;
      readonly span: Span;
    };

export interface MetricsQuery {
  readonly kind: "metrics_query";
  readonly pipeline: Pipeline;
  readonly aggregate: MetricsAggregate;
  readonly stages: readonly SecondStage[];
  readonly span: Span;
}
export interface MetricsMath {
  readonly kind: "metrics_math";
  readonly op: "+" | "-" | "*" | "/";
  readonly left: MetricsExpr;
  readonly right: MetricsExpr;
  readonly stages: readonly SecondStage[];
  readonly span: Span;
}
/** Arithmetic of every value with a number. */
export interface MetricsScalar {
  readonly kind: "metrics_scalar";
  readonly op: "+" | "-" | "*" | "/";
  readonly value: number;
  readonly numberFirst: boolean;
  readonly operand: MetricsExpr;
  readonly stages: readonly SecondStage[];
  readonly span: Span;
}
export type MetricsExpr = MetricsQuery | MetricsMath | MetricsScalar;

export interface Hint {
  readonly name: string;
  readonly value: Static;
}

export type TraceqlQuery = {
  readonly hints: readonly Hint[];
  readonly text: string;
} & (
  | { readonly kind: "spansets"; readonly pipeline: Pipeline }
  | { readonly kind: "metrics"; readonly expr: MetricsExpr }
);
