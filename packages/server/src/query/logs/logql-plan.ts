/** LogQL trees as conditions for the store. Patterns are checked here, with their place in the query. */
import type { LineFilter, LogqlQuery, Matcher } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { LogCondition, LogField } from "../../store/clickhouse/select/logs-filter.ts";
import { testOf } from "../metrics/matchers.ts";
import { checkPattern, partPattern, wholePattern } from "../../regex/regex.ts";
import { lineField, streamField } from "./loki-labels.ts";

export function planLogql(query: LogqlQuery): LogCondition[] {
  return [
    ...planSelector(query.matchers),
    ...query.stages.map((stage) =>
      stage.kind === "line_filter"
        ? lineCondition(stage)
        : matchCondition(lineField(stage.matcher.name), stage.matcher),
    ),
  ];
}

/** A selector must ask for a value somewhere, or it would be everything. */
export function planSelector(matchers: readonly Matcher[]): LogCondition[] {
  const asks = matchers.some(
    (matcher) => (matcher.op === "=" || matcher.op === "=~") && !testOf(matcher)(""),
  );
  if (!asks) {
    const message =
      'the selector needs a matcher = or =~ that does not take the empty text: app=~".*" does, app=~".+" does not';
    throw new TriptychError("query_invalid", message, { offset: matchers[0]?.span.start ?? 0 });
  }
  return matchers.map((matcher) => matchCondition(streamField(matcher.name), matcher));
}

function matchCondition(field: LogField, matcher: Matcher): LogCondition {
  const { op, value } = matcher;
  if (op === "=" || op === "!=") return { kind: "match", field, op, value };
  checkPattern(value, matcher.valueSpan.start);
  return { kind: "match", field, op, value: wholePattern(value) };
}

function lineCondition({ op, value, valueSpan }: LineFilter): LogCondition {
  if (op === "|=" || op === "!=") return { kind: "line", op, value };
  checkPattern(value, valueSpan.start);
  return { kind: "line", op, value: partPattern(value) };
}
