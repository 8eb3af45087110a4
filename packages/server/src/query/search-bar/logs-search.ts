/** A search over log lines: KQL into conditions of the store, with the names that people use for a line's fields. */

import type { LogLevel } from "@triptych/contract";
import {
  type KqlExpr,
  type KqlField,
  type KqlPattern,
  type KqlValue,
  kqlPlainText,
  parseKql,
} from "@triptych/lang";
import { TriptychError, unreachable } from "@triptych/model";
import type { LogCondition, LogField } from "../../store/clickhouse/select/logs-filter.ts";
import { levelOf } from "../../store/clickhouse/select/logs-level.ts";
import type { ValueTest } from "../../store/clickhouse/select/value-test.ts";
import { namePattern, textTest, wholeTest } from "./patterns.ts";
import { isTimeField, momentTest, rangeTest, type TimeTest } from "./times.ts";
import { type Bounds, compared, rangeTests } from "./values.ts";

export interface LogsSearch {
  readonly conditions: readonly LogCondition[];
  /** What the search says about time as a whole. */
  readonly time: TimeTest;
}

/** Throws `query_invalid` with the offset in the search. */
export function logsSearch(text: string, nowMs: number): LogsSearch {
  const expr = parseKql(text);
  const parts = expr.kind === "and" ? expr.operands : [expr];
  const conditions: LogCondition[] = [];
  const time: TimeTest[number][] = [];
  for (const part of parts) {
    const bounds = boundsOf(part, nowMs);
    if (bounds !== undefined) time.push(...bounds);
    conditions.push(condition(part, nowMs));
  }
  return { conditions, time };
}

function boundsOf(expr: KqlExpr, nowMs: number): TimeTest | undefined {
  if ((expr.kind !== "range" && expr.kind !== "match") || expr.field === undefined)
    return undefined;
  if (!isTimeField(kqlPlainText(expr.field.name) ?? "")) return undefined;
  return expr.kind === "range" ? rangeTest(expr, nowMs) : momentTest(expr, nowMs);
}

function condition(expr: KqlExpr, nowMs: number): LogCondition {
  switch (expr.kind) {
    case "all":
      return { kind: "each", conditions: [] };
    case "and":
      return { kind: "each", conditions: expr.operands.map((one) => condition(one, nowMs)) };
    case "or":
      return { kind: "either", conditions: expr.operands.map((one) => condition(one, nowMs)) };
    case "not":
      return { kind: "not", condition: condition(expr.operand, nowMs) };
    case "match":
      return expr.field === undefined
        ? anywhere(expr.value, expr.span.start)
        : fieldCondition(expr.field, { expr, nowMs });
    case "exists":
    case "range":
      return fieldCondition(expr.field, { expr, nowMs });
    default:
      return unreachable(expr);
  }
}

interface Asked {
  readonly expr: KqlExpr & { readonly kind: "match" | "exists" | "range" };
  readonly nowMs: number;
}

type Place =
  | "time"
  | "level"
  | {
      readonly fields: readonly LogField[];
      /** An id of so many digits, stored in lower case. */
      readonly id?: { readonly digits: number; readonly others: readonly LogField[] };
    };

const body = { fields: [{ kind: "body" }] } as const;
const service = { fields: [{ kind: "service" }] } as const;
// What senders call an id and is none, such as `req-7`, stays an attribute.
const traceId = {
  fields: [{ kind: "trace_id" }],
  id: {
    digits: 32,
    others: [
      { kind: "named", key: "trace_id" },
      { kind: "named", key: "traceId" },
    ],
  },
} as const;
const spanId = {
  fields: [{ kind: "span_id" }],
  id: {
    digits: 16,
    others: [
      { kind: "named", key: "span_id" },
      { kind: "named", key: "spanId" },
    ],
  },
} as const;
const correlation = {
  fields: [
    { kind: "named", key: "correlation_id" },
    { kind: "named", key: "correlationId" },
  ],
} as const;
const host = {
  fields: [
    { kind: "named", key: "host.name" },
    { kind: "named", key: "host" },
    { kind: "named", key: "hostname" },
  ],
} as const;

/** Names are looked for in lower case. */
const places: { readonly [name: string]: Place } = {
  level: "level",
  "log.level": "level",
  log_level: "level",
  loglevel: "level",
  severity: "level",
  severity_text: { fields: [{ kind: "severity_text" }] },
  message: body,
  msg: body,
  body: body,
  line: body,
  service: service,
  "service.name": service,
  service_name: service,
  trace: traceId,
  trace_id: traceId,
  traceid: traceId,
  "trace.id": traceId,
  span: spanId,
  span_id: spanId,
  spanid: spanId,
  "span.id": spanId,
  correlationid: correlation,
  "correlation.id": correlation,
  correlation_id: correlation,
  host: host,
  hostname: host,
  "host.name": host,
  host_name: host,
  // As the bulk receiver keeps it.
  _index: { fields: [{ kind: "named", key: "elasticsearch.index" }] },
  "scope.name": { fields: [{ kind: "scope_name" }] },
  "scope.version": { fields: [{ kind: "scope_version" }] },
};

/** Names for completion that are there whatever the lines have. */
export const logFieldNames: readonly string[] = [
  ...["level", "service", "message", "@timestamp", "trace_id", "span_id", "host"],
];

export function placeOfLogField(name: string): Place {
  if (isTimeField(name)) return "time";
  const lower = name.toLowerCase();
  if (Object.hasOwn(places, lower)) return places[lower] as Place;
  const own: LogField = { kind: "named", key: name };
  const scoped = /^(resource|log|attributes|labels)\.(?:attributes\.)?(.+)$/s.exec(name);
  if (scoped === null) return { fields: [own] };
  const [, scope, key = ""] = scoped;
  const inside: LogField = scope === "resource" ? { kind: "resource", key } : { kind: "log", key };
  return { fields: [own, inside] };
}

function fieldCondition(field: KqlField, { expr, nowMs }: Asked): LogCondition {
  const name = kqlPlainText(field.name);
  if (name === undefined) return keysCondition(namePattern(field.name), { expr, nowMs });
  const place = placeOfLogField(name);
  if (place === "time") return timeCondition(expr, nowMs);
  if (place === "level") return levelCondition(expr);
  const tests = (one: LogField, change: (test: ValueTest) => ValueTest): LogCondition =>
    each(testsOf(expr, nowMs).map((test) => ({ kind: "value", field: one, test: change(test) })));
  const { id } = place;
  if (id === undefined)
    return either(
      place.fields.map((one) =>
        one.kind === "body" && expr.kind === "match"
          ? bodyCondition(expr.value, expr.span.start)
          : tests(one, (test) => test),
      ),
    );
  const others = isSurelyId(expr, id.digits) ? [] : id.others;
  return either([
    ...place.fields.map((one) => tests(one, lowered)),
    ...others.map((one) => tests(one, (test) => test)),
  ]);
}

/** An id has a column with an index; attributes are only looked through for what cannot stand there. */
function isSurelyId(expr: Asked["expr"], digits: number): boolean {
  if (expr.kind !== "match" || expr.value.kind !== "pattern") return false;
  const plain = kqlPlainText(expr.value.pattern);
  return plain !== undefined && isId(plain, digits);
}

function each(conditions: readonly LogCondition[]): LogCondition {
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : { kind: "each", conditions };
}

function either(conditions: readonly LogCondition[]): LogCondition {
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : { kind: "either", conditions };
}

function testsOf(expr: Asked["expr"], nowMs: number): readonly ValueTest[] {
  switch (expr.kind) {
    case "exists":
      return [{ kind: "exists" }];
    case "match":
      return [wholeTest(expr.value, expr.span.start)];
    case "range":
      return rangeTests(expr, nowMs);
    default:
      return unreachable(expr);
  }
}

/** Ids are stored in lower case. */
function lowered(test: ValueTest): ValueTest {
  if (test.kind === "equals") return { kind: "equals", value: test.value.toLowerCase() };
  return test.kind === "matches" ? { kind: "matches", pattern: `(?i:${test.pattern})` } : test;
}

/** `http.*: 404`: any attribute of that name; `*: 404` looks at the line as well. */
function keysCondition(pattern: string, { expr, nowMs }: Asked): LogCondition {
  const conditions = testsOf(expr, nowMs).map(
    (test): LogCondition => ({ kind: "keys", pattern, test }),
  );
  const isAnyName = pattern === "^(?s:.*)$";
  if (isAnyName && expr.kind === "match") return anywhere(expr.value, expr.span.start);
  return each(conditions);
}

function bodyCondition(value: KqlValue, offset: number): LogCondition {
  const test = textTest(value, offset);
  if (test.kind === "has") return { kind: "contains", text: test.text };
  if (test.kind !== "matches") return { kind: "value", field: { kind: "body" }, test };
  const match: LogCondition = { kind: "line", op: "|~", value: test.pattern };
  const literal = value.kind === "pattern" ? longestText(value.pattern) : "";
  // Few lines have the letters, and the index of words finds them sooner than the pattern does.
  return literal === "" ? match : each([{ kind: "contains", text: literal }, match]);
}

function longestText(pattern: KqlPattern): string {
  return pattern.reduce(
    (best, piece) => (piece.kind === "text" && piece.text.length > best.length ? piece.text : best),
    "",
  );
}

/** Words of the line in any case; names, ids and values of attributes as a whole, as Kibana finds its keywords. */
function anywhere(value: KqlValue, offset: number): LogCondition {
  const whole = wholeTest(value, offset);
  const conditions: LogCondition[] = [
    bodyCondition(value, offset),
    { kind: "value", field: { kind: "service" }, test: whole },
    { kind: "keys", pattern: undefined, test: whole },
  ];
  const plain = value.kind === "pattern" ? kqlPlainText(value.pattern) : undefined;
  if (plain === undefined || isId(plain, 32))
    conditions.push({ kind: "value", field: { kind: "trace_id" }, test: lowered(whole) });
  if (plain === undefined || isId(plain, 16))
    conditions.push({ kind: "value", field: { kind: "span_id" }, test: lowered(whole) });
  return { kind: "either", conditions };
}

const isId = (text: string, digits: number): boolean =>
  text.length === digits && /^[0-9a-f]+$/i.test(text);

function timeCondition(expr: Asked["expr"], nowMs: number): LogCondition {
  if (expr.kind === "exists") return { kind: "each", conditions: [] };
  const tests = expr.kind === "range" ? rangeTest(expr, nowMs) : momentTest(expr, nowMs);
  return each(tests.map(({ op, ns }): LogCondition => ({ kind: "written", op, ns })));
}

const levelsAscending: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];
/** Texts that say no more than the level that they stand for. */
const levelTexts = new Set([
  ...["trace", "trc", "debug", "dbg", "info", "inf", "information", "warn", "wrn", "warning"],
  ...["error", "err", "fatal"],
]);

/** `ERROR`, `warning` and the like are levels in any case; other texts are looked for as the sender wrote them. */
function levelCondition(expr: Asked["expr"]): LogCondition {
  if (expr.kind === "exists")
    return { kind: "not", condition: { kind: "level_in", levels: ["unknown"] } };
  if (expr.kind === "range") return { kind: "level_in", levels: levelsWithin(expr) };
  const text = expr.value.kind === "pattern" ? kqlPlainText(expr.value.pattern) : undefined;
  const test = wholeTest(expr.value, expr.span.start, true);
  const written: LogCondition = { kind: "value", field: { kind: "severity_text" }, test };
  if (text === undefined)
    return either([written, { kind: "value", field: { kind: "level" }, test }]);
  const lower = text.toLowerCase();
  if (lower === "unknown") return { kind: "level_in", levels: ["unknown"] };
  const level = levelOf(0, lower);
  if (level === "unknown") return written;
  const levels: LogCondition = { kind: "level_in", levels: [level] };
  if (levelTexts.has(lower)) return levels;
  const silent: ValueTest = { kind: "equals", value: "" };
  const unwritten: LogCondition = { kind: "value", field: { kind: "severity_text" }, test: silent };
  return either([written, each([levels, unwritten])]);
}

function levelsWithin(bounds: Bounds): readonly LogLevel[] {
  let levels = levelsAscending;
  for (const { op, text, offset } of compared(bounds)) {
    const at = levelsAscending.indexOf(levelOf(0, text));
    if (at < 0)
      throw new TriptychError(
        "query_invalid",
        `${JSON.stringify(text.slice(0, 40))} is no level; they are, in order, ${levelsAscending.join(", ")}`,
        { offset },
      );
    levels = levels.filter((level) => {
      const mine = levelsAscending.indexOf(level);
      if (op === ">" || op === ">=") return op === ">" ? mine > at : mine >= at;
      return op === "<" ? mine < at : mine <= at;
    });
  }
  return levels;
}
