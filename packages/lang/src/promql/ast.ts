/** The syntax tree of PromQL. Nodes are never changed after parsing. */
import type { Matcher } from "../matcher.ts";
import type { Span } from "../source.ts";
import { aggregations, binaryOperators } from "./words.ts";

export type ValueType = "scalar" | "vector" | "matrix" | "string";

/** What `@` fixes the time to: milliseconds, or the start or end of the query. */
export type AtTime = number | "start" | "end";

interface Shifted {
  /** 0 without `offset`, and while `offsetExpr` is not computed. */
  readonly offsetMs: number;
  readonly offsetExpr?: DurationExpr | undefined;
  readonly at?: AtTime | undefined;
}

export interface VectorSelector extends Shifted {
  readonly kind: "vector_selector";
  /** The name before the braces; "" when there is none, then `matchers` may still hold `__name__`. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly extended?: "anchored" | "smoothed" | undefined;
  readonly span: Span;
}

export interface MatrixSelector {
  readonly kind: "matrix_selector";
  /** Carries `offset`, `@` and the extension of the range. */
  readonly selector: VectorSelector;
  readonly rangeMs: number;
  readonly rangeExpr?: DurationExpr | undefined;
  readonly span: Span;
}

export interface Subquery extends Shifted {
  readonly kind: "subquery";
  readonly expr: PromqlExpr;
  readonly rangeMs: number;
  readonly rangeExpr?: DurationExpr | undefined;
  /** 0: the default interval. */
  readonly intervalMs: number;
  readonly intervalExpr?: DurationExpr | undefined;
  readonly span: Span;
}

export interface NumberLiteral {
  readonly kind: "number";
  readonly value: number;
  /** Written as a duration; `value` is seconds. */
  readonly isDuration?: boolean | undefined;
  readonly span: Span;
}

export interface StringLiteral {
  readonly kind: "string";
  readonly value: string;
  /** As written, of a text that is no valid Unicode; `value` is empty then. */
  readonly written?: string | undefined;
  readonly span: Span;
}

export interface Paren {
  readonly kind: "paren";
  readonly expr: PromqlExpr;
  readonly span: Span;
}

export interface Unary {
  readonly kind: "unary";
  readonly op: "+" | "-";
  readonly expr: PromqlExpr;
  readonly span: Span;
}

export type BinaryOp = (typeof binaryOperators)[number]["name"];

export interface VectorMatching {
  readonly card: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  readonly labels: readonly string[];
  /** `on`, else `ignoring`. */
  readonly on: boolean;
  /** Labels taken over from the "one" side. */
  readonly include: readonly string[];
  readonly fillLeft?: number | undefined;
  readonly fillRight?: number | undefined;
}

export interface Binary {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly left: PromqlExpr;
  readonly right: PromqlExpr;
  readonly bool: boolean;
  /** Between instant vectors only. */
  readonly matching?: VectorMatching | undefined;
  readonly span: Span;
}

export type AggregationOp = (typeof aggregations)[number]["name"];
export const aggregationOps: readonly AggregationOp[] = aggregations.map(({ name }) => name);

export interface Aggregate {
  readonly kind: "aggregate";
  readonly op: AggregationOp;
  readonly expr: PromqlExpr;
  readonly param?: PromqlExpr | undefined;
  readonly grouping: readonly string[];
  readonly without: boolean;
  readonly span: Span;
}

/** How a function is called. */
export interface FunctionSignature {
  readonly name: string;
  readonly args: readonly ValueType[];
  /** How many arguments more than `args` (without its last) may follow; -1 for any number. 0: exactly `args`. */
  readonly variadic: number;
  readonly returns: ValueType;
  /** Its value depends on the evaluation time even when its arguments do not. */
  readonly timeDependent: boolean;
  /** Which extended ranges it understands. */
  readonly extended: readonly ("anchored" | "smoothed")[];
}

export interface Call {
  readonly kind: "call";
  readonly func: FunctionSignature;
  readonly args: readonly PromqlExpr[];
  readonly span: Span;
}

export type DurationOp = "+" | "-" | "*" | "/" | "%" | "^" | "step" | "range" | "min_of" | "max_of";

/** Arithmetic over durations, computed before the query runs. Without `left` it is a sign. */
export interface DurationExpr {
  readonly kind: "duration";
  readonly op: DurationOp;
  readonly left?: DurationExpr | NumberLiteral | undefined;
  readonly right?: DurationExpr | NumberLiteral | undefined;
  readonly wrapped: boolean;
  readonly span: Span;
}

export type PromqlExpr =
  | VectorSelector
  | MatrixSelector
  | Subquery
  | NumberLiteral
  | StringLiteral
  | Paren
  | Unary
  | Binary
  | Aggregate
  | Call;

/** All matchers of a selector, its name as the last one. */
export function selectorMatchers(selector: VectorSelector): readonly Matcher[] {
  const { name, span } = selector;
  if (name === "") return selector.matchers;
  return [...selector.matchers, { name: "__name__", op: "=", value: name, span, valueSpan: span }];
}

export function typeOf(expr: PromqlExpr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vector_selector":
    case "aggregate":
      return "vector";
    case "matrix_selector":
    case "subquery":
      return "matrix";
    case "paren":
    case "unary":
      return typeOf(expr.expr);
    case "call":
      return expr.func.returns;
    case "binary":
      return typeOf(expr.left) === "scalar" && typeOf(expr.right) === "scalar"
        ? "scalar"
        : "vector";
  }
}

/** The type's name in messages. */
export function typeName(type: ValueType): string {
  return type === "vector" ? "instant vector" : type === "matrix" ? "range vector" : type;
}

export function childrenOf(expr: PromqlExpr): readonly PromqlExpr[] {
  switch (expr.kind) {
    case "aggregate":
      return expr.param === undefined ? [expr.expr] : [expr.expr, expr.param];
    case "binary":
      return [expr.left, expr.right];
    case "call":
      return expr.args;
    case "paren":
    case "unary":
    case "subquery":
      return [expr.expr];
    case "matrix_selector":
      return [expr.selector];
    default:
      return [];
  }
}

const operatorsOf = (kind: (typeof binaryOperators)[number]["kind"]): ReadonlySet<string> =>
  new Set(binaryOperators.filter((operator) => operator.kind === kind).map(({ name }) => name));

export const comparisonOps = operatorsOf("comparison");
export const setOps = operatorsOf("set");
/** Aggregations that take an argument before the vector. */
export const paramOps: ReadonlySet<string> = new Set(
  aggregations.flatMap((word) => ("param" in word ? [word.name] : [])),
);
