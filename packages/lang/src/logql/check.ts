/** What only shows when a query is compiled: wrong patterns, templates and expressions, and selectors of everything. */
import { invalidAt } from "../source.ts";
import { type LabelTest, type LogqlExpr, logQueriesOf, type LogqlQuery } from "./ast.ts";
import { compileLabelTest, matcherOf } from "./filter-stages.ts";
import type { PipelineDeps } from "./line.ts";
import { compiledAt, compileStage } from "./pipeline.ts";

const EMPTY_SELECTOR =
  'queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will';

/** Throws `query_invalid` with the offset of what is wrong. */
export function checkLogql(expr: LogqlExpr, deps: PipelineDeps): void {
  for (const query of logQueriesOf(expr)) checkQuery(query, deps);
  checkMetric(expr, deps);
}

export function checkQuery(query: LogqlQuery, deps: PipelineDeps): void {
  checkSelector(query, deps);
  for (const stage of query.stages) compileStage(stage, deps);
}

/** A selector must ask for a value somewhere, or it would be everything. */
export function checkSelector(
  { matchers, span }: Pick<LogqlQuery, "matchers" | "span">,
  { regexes }: PipelineDeps,
): void {
  let asks = false;
  for (const matcher of matchers) {
    const matches = compiledAt(matcher.valueSpan, () => matcherOf(matcher, regexes));
    if (!matches("")) asks = true;
  }
  if (!asks) throw invalidAt(span.start, EMPTY_SELECTOR);
}

function checkMetric(expr: LogqlExpr, deps: PipelineDeps): void {
  switch (expr.kind) {
    case "range_aggregation":
      for (const test of expr.unwrap?.filters ?? []) checkTest(test, deps);
      return;
    case "vector_aggregation":
      checkMetric(expr.expr, deps);
      return;
    case "label_replace":
      compiledAt(expr.patternSpan, () => deps.regexes.whole(expr.pattern));
      checkMetric(expr.expr, deps);
      return;
    case "binary":
      checkMetric(expr.left, deps);
      checkMetric(expr.right, deps);
      return;
    default:
      return;
  }
}

function checkTest(test: LabelTest, { regexes }: PipelineDeps): void {
  compiledAt(test.span, () => compileLabelTest(test, regexes));
}
