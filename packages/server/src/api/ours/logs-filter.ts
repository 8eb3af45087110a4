/** Which lines a request of our own API is about: the parameters that lists, counts, patterns and the tail share. */
import type { LogLevel } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { LogCondition, LogFilter } from "../../query/logs/source.ts";
import { TEMPLATE_CHARS_MAX, templatePattern } from "../../query/logs/template-pattern.ts";
import { logsSearch } from "../../query/search-bar/logs-search.ts";
import { narrowed } from "../../query/search-bar/times.ts";
import { wholePattern } from "../../regex/regex.ts";
import { invalid, type QueryParams } from "./params.ts";

const levels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "unknown"];
const NS_PER_MS = 1_000_000n;

/** `from` and `to` as asked for, for the axis; the range may be narrower when the search speaks of time. */
export function logFilterOf(
  params: QueryParams,
  clock: Clock,
): LogFilter & { readonly from: number; readonly to: number } {
  const { from, to } = params.range(clock);
  const range = { fromNs: BigInt(from) * NS_PER_MS, toNs: BigInt(to) * NS_PER_MS };
  const search = searchOf(params, clock);
  return {
    range: narrowed(range, search.time),
    from,
    to,
    conditions: [...formConditions(params), ...search.conditions],
  };
}

/** Without the range: for what arrives. */
export function logConditionsOf(params: QueryParams, clock: Clock): LogCondition[] {
  return [...formConditions(params), ...searchOf(params, clock).conditions];
}

function searchOf(params: QueryParams, clock: Clock) {
  const text = params.text("search");
  return text === undefined ? { conditions: [], time: [] } : logsSearch(text, clock.nowMs());
}

function formConditions(params: QueryParams): LogCondition[] {
  const out: LogCondition[] = [];
  const names = params.texts("service");
  if (names.length > 0) out.push({ kind: "service_in", names });
  const wanted = params.texts("level").map((given) => {
    const level = levels.find((candidate) => candidate === given);
    if (level === undefined) throw invalid(`"level" is not one of ${levels.join(", ")}`);
    return level;
  });
  if (wanted.length > 0) out.push({ kind: "level_in", levels: wanted });
  const text = params.text("text");
  if (text !== undefined) out.push({ kind: "contains", text });
  const traceId = params.text("traceId");
  if (traceId !== undefined)
    out.push({ kind: "match", field: { kind: "trace_id" }, op: "=", value: traceId.toLowerCase() });
  const spanId = params.text("spanId");
  if (spanId !== undefined)
    out.push({ kind: "match", field: { kind: "span_id" }, op: "=", value: spanId.toLowerCase() });
  for (const { scope, key, op, value } of params.filters()) {
    if (scope === "span")
      throw invalid("log lines have no span attributes; use log, resource or any");
    const isPattern = op === "=~" || op === "!~";
    const wanted = isPattern ? wholePattern(value) : value;
    out.push({ kind: "match", field: { kind: scope, key }, op, value: wanted });
  }
  return [...out, ...templateConditions(params)];
}

function templateConditions(params: QueryParams): LogCondition[] {
  const of = (name: "pattern" | "notPattern", op: "|~" | "!~"): LogCondition[] =>
    params.texts(name).map((template) => {
      if (template.length > TEMPLATE_CHARS_MAX)
        throw invalid(`"${name}" is longer than ${TEMPLATE_CHARS_MAX} characters`);
      return { kind: "line", op, value: templatePattern(template) };
    });
  return [...of("pattern", "|~"), ...of("notPattern", "!~")];
}
