export { queryEscape } from "./gotemplate/escape.ts";
export {
  alertData,
  alertVariables,
  graphLink,
  type PrometheusTemplateDeps,
  parsedOnly,
  prometheusFunctions,
  type TemplateSample,
  tableLink,
} from "./gotemplate/prometheus-functions.ts";
export { type GoTemplate, parseGoTemplate, templateLimits } from "./gotemplate/template.ts";
export {
  type CallContext as TemplateCallContext,
  type FunctionTable,
  type GoFunction,
  type GoList,
  type GoMap,
  type GoObject,
  type GoValue,
  goList,
  goMap,
  goStringMap,
  goStruct,
  printValue as printGoValue,
  TemplateInterrupt,
  typeNameOf as goTypeName,
} from "./gotemplate/value.ts";
export {
  isAnything as isAnyKql,
  type KqlBound,
  type KqlExpr,
  type KqlField,
  type KqlPattern,
  type KqlPiece,
  type KqlValue,
  plainText as kqlPlainText,
} from "./kql/ast.ts";
export { completeKql, type KqlCompletion } from "./kql/completion.ts";
export { type DateSpan, parseDateMath } from "./kql/date-math.ts";
export { parseKql } from "./kql/parser.ts";
export { printKql, quoteKql } from "./kql/printer.ts";
export {
  type CompareOp,
  type Grouping as LogqlGrouping,
  type LabelFilter,
  type LabelTest,
  type LineFilter,
  type LineOp,
  type LineOperand,
  type LogqlExpr,
  type LogqlQuery,
  type LogqlStage,
  logQueriesOf,
  type MetricExpr,
  type RangeAggregation,
} from "./logql/ast.ts";
export { checkLogql, checkSelector as checkLogqlSelector } from "./logql/check.ts";
export { decolorize } from "./logql/decolorize.ts";
export { evaluateLogql, type LogqlOptions, type LogqlValue } from "./logql/evaluate.ts";
export { lookedFor, testMatcher } from "./logql/filter-stages.ts";
export { JsonScan, jsonText } from "./logql/json-scan.ts";
export { labelNameOf } from "./logql/label-names.ts";
export type {
  CountQuestion,
  CountRow,
  LineColumns,
  LineSource,
  LogqlRange,
} from "./logql/leaf.ts";
export type { Line as LogqlLine, LogqlRegexes, PipelineDeps } from "./logql/line.ts";
export { LineLabels, type StreamLabels, streamOf } from "./logql/line-labels.ts";
export { scanLogfmt } from "./logql/logfmt.ts";
export { type LogqlOutcome, runLogqlTest } from "./logql/logqltest.ts";
export { parseLogQuery, parseLogql, parseStreamSelector } from "./logql/parser.ts";
export { compilePipeline, type Pipeline } from "./logql/pipeline.ts";
export { formatLogql, printLogql } from "./logql/printer.ts";
export { logqlFunctions, type TemplateDeps } from "./logql/template-functions.ts";
export { parseGoTime } from "./logql/template-time.ts";
export { parseBytes, parseGoDurationNs, parseGoFloat } from "./logql/units.ts";
export { type Matcher, type MatchOp, printMatcher } from "./matcher.ts";
export { Annotations } from "./promql/annotations.ts";
export {
  type Aggregate as PromqlAggregate,
  aggregationOps as promqlAggregations,
  type Binary as PromqlBinary,
  type Call as PromqlCall,
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
  type CompletionQuestion,
  type CompletionSelector,
  completePromql,
  type PromqlCompletion,
  type PromqlOption,
} from "./promql/completion.ts";
export {
  type EvaluateOptions,
  evaluatePromql,
  type MatrixSeries,
  type PromqlResult,
  type PromqlValue,
} from "./promql/evaluate.ts";
export { createFold, type LeafKernel, type LeafSteps, leafKernel, leafRow } from "./promql/fold.ts";
export { formatFloat, formatSample } from "./promql/format-float.ts";
export { functions as promqlFunctions } from "./promql/functions/registry.ts";
export type { FunctionSpec } from "./promql/functions/spec.ts";
export {
  formatDuration,
  formatG,
  formatGPrecise,
  goQuote,
  parseDurationMs,
} from "./promql/go-format.ts";
export {
  allBuckets,
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
export { labelsHash } from "./promql/labels-hash.ts";
export { staleTest } from "./promql/load.ts";
export { type ParseOptions, parsePromql, parseSeriesSelector } from "./promql/parser.ts";
export { formatPromql, printPromql } from "./promql/printer.ts";
export { type EvalOutcome, runPromqlTest, type TestOptions } from "./promql/promqltest.ts";
export { parseSeriesLine, type SequenceValue } from "./promql/promqltest-series.ts";
export { type LoadedSample, TestStore } from "./promql/promqltest-store.ts";
export {
  createExamples as createPromqlExamples,
  promqlExamples,
  promqlPage,
} from "./promql/reference.ts";
export type { CompiledRegex, CompileRegex } from "./promql/regex.ts";
export { FLOAT, isEmpty as isEmptyRow, type Row, valueAt } from "./promql/rows.ts";
export {
  type FloatSamples,
  type FoldAnswer,
  type FoldOp,
  type FoldQuestion,
  type Grid,
  type HistogramPoint,
  type LeafAnswer,
  type LeafFunction,
  type LeafQuestion,
  type PromqlSource,
  SampleScratch,
  type SourceSeries,
  seriesInMemory,
} from "./promql/series.ts";
export type { LiveSeries } from "./promql/window.ts";
export { compileRelabel, type LabelMap, type Relabel } from "./relabel/relabel.ts";
export {
  isLabelName,
  isLabelValue,
  type NameScheme,
  type RelabelAction,
  type RelabelRule,
  relabelActions,
  relabelDefaults,
  relabelProblem,
} from "./relabel/rule.ts";
export { type Place, placeInBytes, placeOf, type Span } from "./source.ts";
export {
  type ClockSkew,
  clockSkew,
  SKEW_NS_MAX,
} from "./trace/clock-skew.ts";
export {
  type ComparedSpan,
  type CompareRow,
  type CompareSide,
  compareSteps,
  type MeasuredTrace,
  measureSteps,
} from "./trace/compare.ts";
export {
  criticalPath,
  criticalPathSteps,
  criticalTimes,
  isAsyncKind,
  type PathPart,
} from "./trace/critical-path.ts";
export {
  buildForest,
  finishSteps,
  type Forest,
  type ForestSpan,
  forestSteps,
  selfIntervals,
} from "./trace/forest.ts";
export type * as Traceql from "./traceql/ast.ts";
export { attributeTests } from "./traceql/attribute-tests.ts";
export {
  type Evaluate as TraceqlEvaluate,
  pipelineOver,
  type Spanset,
  type SpansetAttribute,
  wholeTrace,
} from "./traceql/evaluate.ts";
export { conjuncts, itemScope } from "./traceql/conjuncts.ts";
export {
  type Bound as BoundTable,
  bind as bindTable,
  fieldColumn,
  groupColumn,
  isTrue,
  standingColumn,
} from "./traceql/field-eval.ts";
export { intrinsic as traceqlIntrinsic } from "./traceql/field-parser.ts";
export { type IntrinsicName, intrinsics as traceqlIntrinsics } from "./traceql/intrinsics.ts";
export { metricsMemory, searchMemory } from "./traceql/memory-search.ts";
export {
  type AttributeMap,
  arrayStatic,
  isServiceName,
  type MemorySpan,
  type MemoryTable,
  memoryTable,
  ROOT_MISSING,
  shownParentId,
  type TraceSummary,
} from "./traceql/memory-table.ts";
export { parseTraceql, parseTraceqlIdentifier } from "./traceql/parser.ts";
export { printAttribute as printTraceqlAttribute, printTraceql } from "./traceql/printer.ts";
export { runTraceqlScript, type TraceqlOutcome } from "./traceql/script.ts";
export { combineMetrics } from "./traceql/second-stage.ts";
export {
  type Cell as TraceCell,
  type Intervals,
  intervalOf,
  intervalTimeMs,
  type Label as TraceLabel,
  log2Bucket,
  type SeriesBuilder,
  seriesBuilder,
  type TraceExemplar,
  type TraceSeries,
  usesBuckets,
} from "./traceql/series.ts";
export {
  firstOf as firstStatic,
  integerOf as traceqlInteger,
  keyOf as staticKey,
  lastOf as lastStatic,
  NIL as NIL_STATIC,
  numberOf as staticNumber,
  type Static,
  showStatic,
} from "./traceql/static.ts";
export type { Column as SpanColumn, SpanTable } from "./traceql/table.ts";
export { validateTraceql } from "./traceql/validate.ts";
export { attributeKey, eachAttribute, metricsQueries, pipelineAttributes } from "./traceql/walk.ts";
