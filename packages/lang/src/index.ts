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
export {
  type NumberLiteral,
  type PromqlExpr,
  type StringLiteral,
  selectorMatchers,
  type VectorSelector,
} from "./promql/ast.ts";
export { formatFloat } from "./promql/format-float.ts";
export { parsePromql, parseSeriesSelector } from "./promql/parser.ts";
export { printPromql } from "./promql/printer.ts";
export { type Place, placeOf, type Span } from "./source.ts";
