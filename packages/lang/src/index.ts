export type {
  LabelFilter,
  LineFilter,
  LineOp,
  LogqlQuery,
  LogqlStage,
} from "./logql/ast.ts";
export { parseLogql, parseStreamSelector } from "./logql/parser.ts";
export { printLogql } from "./logql/printer.ts";
export { type Matcher, type MatchOp, printMatcher } from "./matcher.ts";
export { Annotations } from "./promql/annotations.ts";
export {
  type NumberLiteral,
  type PromqlExpr,
  type StringLiteral,
  selectorMatchers,
  typeOf as promqlTypeOf,
  type ValueType as PromqlType,
  type VectorSelector,
} from "./promql/ast.ts";
export {
  type EvaluateOptions,
  evaluatePromql,
  type MatrixSeries,
  type PromqlResult,
  type PromqlValue,
} from "./promql/evaluate.ts";
export {
  type FloatSamples,
  type Grid,
  type HistogramPoint,
  type PromqlSource,
  SampleScratch,
  seriesInMemory,
  type SourceSeries,
} from "./promql/series.ts";
export { formatFloat } from "./promql/format-float.ts";
export { functions as promqlFunctions } from "./promql/functions/registry.ts";
export type { FunctionSpec } from "./promql/functions/spec.ts";
export {
  type Bucket,
  type Buckets,
  CUSTOM_SCHEMA,
  type Histogram,
  type ResetHint,
  sideBuckets,
} from "./promql/histogram.ts";
export { type LabelPair, type Labels, labelsFrom, labelsOf, printLabels } from "./promql/labels.ts";
export { type ParseOptions, parsePromql, parseSeriesSelector } from "./promql/parser.ts";
export { formatPromql, printPromql } from "./promql/printer.ts";
export { type EvalOutcome, runPromqlTest, type TestOptions } from "./promql/promqltest.ts";
export { parseSeriesLine } from "./promql/promqltest-series.ts";
export type { CompiledRegex, CompileRegex } from "./promql/regex.ts";
export { type Row, valueAt } from "./promql/rows.ts";
export type { LiveSeries } from "./promql/window.ts";
export { type Place, placeOf, type Span } from "./source.ts";
