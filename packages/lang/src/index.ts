export { queryEscape } from "./gotemplate/escape.ts";
export {
  alertData,
  alertVariables,
  graphLink,
  parsedOnly,
  prometheusFunctions,
  type PrometheusTemplateDeps,
  tableLink,
  type TemplateSample,
} from "./gotemplate/prometheus-functions.ts";
export { type GoTemplate, parseGoTemplate, templateLimits } from "./gotemplate/template.ts";
export {
  type CallContext as TemplateCallContext,
  type FunctionTable,
  type GoFunction,
  type GoList,
  type GoMap,
  goList,
  goMap,
  type GoObject,
  goStringMap,
  goStruct,
  type GoValue,
  printValue as printGoValue,
  TemplateInterrupt,
  typeNameOf as goTypeName,
} from "./gotemplate/value.ts";
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
  type Aggregate as PromqlAggregate,
  type Binary as PromqlBinary,
  type Call as PromqlCall,
  aggregationOps as promqlAggregations,
  childrenOf as promqlChildren,
  type DurationExpr,
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
  type LeafAnswer,
  type LeafFunction,
  type LeafQuestion,
  type PromqlSource,
  SampleScratch,
  seriesInMemory,
  type SourceSeries,
} from "./promql/series.ts";
export { formatFloat } from "./promql/format-float.ts";
export { staleTest } from "./promql/load.ts";
export {
  formatDuration,
  formatG,
  formatGPrecise,
  goQuote,
  parseDurationMs,
} from "./promql/go-format.ts";
export { functions as promqlFunctions } from "./promql/functions/registry.ts";
export type { FunctionSpec } from "./promql/functions/spec.ts";
export {
  type Bucket,
  type Buckets,
  CUSTOM_SCHEMA,
  compact as compactHistogram,
  type Histogram,
  printHistogram,
  type ResetHint,
  sameBounds,
  sideBuckets,
} from "./promql/histogram.ts";
export {
  compareLabels,
  type LabelPair,
  type Labels,
  labelsFrom,
  labelsOf,
  labelValue,
  printLabels,
  withLabel,
} from "./promql/labels.ts";
export { type ParseOptions, parsePromql, parseSeriesSelector } from "./promql/parser.ts";
export { formatPromql, printPromql } from "./promql/printer.ts";
export { type EvalOutcome, runPromqlTest, type TestOptions } from "./promql/promqltest.ts";
export { parseSeriesLine, type SequenceValue } from "./promql/promqltest-series.ts";
export { type LoadedSample, TestStore } from "./promql/promqltest-store.ts";
export type { CompiledRegex, CompileRegex } from "./promql/regex.ts";
export { FLOAT, type Row, valueAt } from "./promql/rows.ts";
export type { LiveSeries } from "./promql/window.ts";
export { compileRelabel, type LabelMap, type Relabel } from "./relabel/relabel.ts";
export {
  isLabelName,
  isLabelValue,
  type NameScheme,
  type RelabelAction,
  relabelActions,
  relabelDefaults,
  relabelProblem,
  type RelabelRule,
} from "./relabel/rule.ts";
export { type Place, placeOf, type Span } from "./source.ts";
