/** The syntax tree of LogQL. Nodes are never changed after parsing; what Loki folds (numbers) is folded by the parser. */
import type { Matcher } from "../matcher.ts";
import type { Span } from "../source.ts";

export type LineOp = "|=" | "!=" | "|~" | "!~" | "|>" | "!>";

/** A text, pattern or address to look for. */
export interface LineOperand {
  readonly kind: "text" | "ip";
  readonly value: string;
  /** Of the quoted value. */
  readonly span: Span;
}

/** Keeps lines in which one of the operands is found; with `!=`, `!~`, `!>` those in which none is. */
export interface LineFilter {
  readonly kind: "line_filter";
  readonly op: LineOp;
  readonly operands: readonly LineOperand[];
  readonly span: Span;
}

export type CompareOp = "==" | "!=" | ">" | ">=" | "<" | "<=";

/** A condition on labels. */
export type LabelTest =
  | { readonly kind: "match"; readonly matcher: Matcher; readonly span: Span }
  | {
      readonly kind: "compare";
      readonly name: string;
      readonly op: CompareOp;
      readonly unit: "number" | "duration" | "bytes";
      /** A plain number, nanoseconds, or bytes. */
      readonly value: number;
      readonly span: Span;
    }
  | {
      readonly kind: "ip";
      readonly name: string;
      readonly op: "=" | "!=";
      readonly pattern: string;
      readonly patternSpan: Span;
      readonly span: Span;
    }
  | {
      readonly kind: "and" | "or";
      readonly left: LabelTest;
      readonly right: LabelTest;
      readonly span: Span;
    };

export interface LabelFilter {
  readonly kind: "label_filter";
  readonly test: LabelTest;
  readonly span: Span;
}

/** `label="expression"` of `json` and `logfmt`. */
export interface Extraction {
  readonly label: string;
  readonly expression: string;
  readonly span: Span;
}

export interface LabelFormat {
  readonly label: string;
  /** `rename` takes the value of the label `value`; `template` is a Go template. */
  readonly kind: "rename" | "template";
  readonly value: string;
  readonly span: Span;
}

/** What `drop` and `keep` name: a label, or a label whose value matches. */
export type NamedLabel =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "match"; readonly matcher: Matcher };

export type ParserStage =
  | { readonly kind: "json"; readonly extractions: readonly Extraction[]; readonly span: Span }
  | {
      readonly kind: "logfmt";
      readonly strict: boolean;
      readonly keepEmpty: boolean;
      readonly extractions: readonly Extraction[];
      readonly span: Span;
    }
  | {
      readonly kind: "regexp" | "pattern";
      readonly pattern: string;
      readonly patternSpan: Span;
      readonly span: Span;
    }
  | { readonly kind: "unpack"; readonly span: Span };

export type FormatStage =
  | { readonly kind: "decolorize"; readonly span: Span }
  | {
      readonly kind: "line_format";
      readonly template: string;
      readonly templateSpan: Span;
      readonly span: Span;
    }
  | { readonly kind: "label_format"; readonly formats: readonly LabelFormat[]; readonly span: Span }
  | { readonly kind: "drop" | "keep"; readonly labels: readonly NamedLabel[]; readonly span: Span };

export type LogqlStage = LineFilter | LabelFilter | ParserStage | FormatStage;

export interface LogqlQuery {
  readonly kind: "log_query";
  readonly matchers: readonly Matcher[];
  readonly stages: readonly LogqlStage[];
  readonly span: Span;
}

export interface Unwrap {
  readonly label: string;
  readonly conversion: "duration" | "duration_seconds" | "bytes" | undefined;
  readonly filters: readonly LabelTest[];
  readonly span: Span;
}

export interface Grouping {
  readonly without: boolean;
  readonly labels: readonly string[];
}

export const rangeOps = [
  ...(["count_over_time", "rate", "rate_counter", "bytes_over_time", "bytes_rate"] as const),
  ...(["avg_over_time", "sum_over_time", "min_over_time", "max_over_time"] as const),
  ...(["stdvar_over_time", "stddev_over_time", "quantile_over_time"] as const),
  ...(["first_over_time", "last_over_time", "absent_over_time"] as const),
] as const;
export type RangeOp = (typeof rangeOps)[number];

/** A function of the lines of a window that ends at each step: later than `step - offset - range`, up to there. */
export interface RangeAggregation {
  readonly kind: "range_aggregation";
  readonly op: RangeOp;
  /** Of `quantile_over_time`. */
  readonly param: number | undefined;
  readonly query: LogqlQuery;
  readonly unwrap: Unwrap | undefined;
  readonly rangeMs: number;
  readonly offsetMs: number;
  readonly grouping: Grouping | undefined;
  readonly span: Span;
}

export const vectorOps = [
  ...(["sum", "avg", "max", "min", "count", "stddev", "stdvar"] as const),
  ...(["topk", "bottomk", "approx_topk", "sort", "sort_desc"] as const),
] as const;
export type VectorOp = (typeof vectorOps)[number];

export interface VectorAggregation {
  readonly kind: "vector_aggregation";
  readonly op: VectorOp;
  /** Of `topk`, `bottomk`, `approx_topk`. */
  readonly param: number | undefined;
  readonly expr: MetricExpr;
  readonly grouping: Grouping | undefined;
  readonly span: Span;
}

export type LogqlBinaryOp =
  | ("or" | "and" | "unless")
  | ("+" | "-" | "*" | "/" | "%" | "^")
  | CompareOp;

export interface LogqlMatching {
  readonly card: "one-to-one" | "many-to-one" | "one-to-many";
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly include: readonly string[];
}

export interface LogqlBinary {
  readonly kind: "binary";
  readonly op: LogqlBinaryOp;
  readonly bool: boolean;
  readonly matching: LogqlMatching;
  readonly left: MetricExpr;
  readonly right: MetricExpr;
  readonly span: Span;
}

export interface LabelReplace {
  readonly kind: "label_replace";
  readonly expr: MetricExpr;
  readonly target: string;
  readonly replacement: string;
  readonly source: string;
  readonly pattern: string;
  readonly patternSpan: Span;
  readonly span: Span;
}

export type MetricExpr =
  | RangeAggregation
  | VectorAggregation
  | LogqlBinary
  | LabelReplace
  | { readonly kind: "number"; readonly value: number; readonly span: Span }
  | { readonly kind: "vector"; readonly value: number; readonly span: Span };

export type LogqlExpr = LogqlQuery | MetricExpr;

/** All log queries in a tree, from left to right. */
export function logQueriesOf(expr: LogqlExpr): LogqlQuery[] {
  switch (expr.kind) {
    case "log_query":
      return [expr];
    case "range_aggregation":
      return [expr.query];
    case "vector_aggregation":
    case "label_replace":
      return logQueriesOf(expr.expr);
    case "binary":
      return [...logQueriesOf(expr.left), ...logQueriesOf(expr.right)];
    case "number":
    case "vector":
      return [];
  }
}
