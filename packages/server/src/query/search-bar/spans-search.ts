/** A search over spans: KQL into tests of the store, with the names that people use for a span's fields. */
import { type KqlExpr, type KqlField, kqlPlainText, parseKql } from "@triptych/lang";
import { TriptychError, unreachable } from "@triptych/model";
import type { SpanColumn, SpanTest } from "../../store/clickhouse/select/traces-test.ts";
import type { ValueTest } from "../../store/clickhouse/select/value-test.ts";
import { namePattern, textTest, wholeTest } from "./patterns.ts";
import { isTimeField, momentTest, rangeTest } from "./times.ts";
import { compared, rangeTests } from "./values.ts";

/** Throws `query_invalid` with the offset in the search. */
export function spansSearch(text: string, nowMs: number): SpanTest {
  return spanTestOf(parseKql(text), nowMs);
}

function spanTestOf(expr: KqlExpr, nowMs: number): SpanTest {
  switch (expr.kind) {
    case "all":
      return { kind: "both", tests: [] };
    case "and":
      return { kind: "both", tests: expr.operands.map((one) => spanTestOf(one, nowMs)) };
    case "or":
      return { kind: "either", tests: expr.operands.map((one) => spanTestOf(one, nowMs)) };
    case "not":
      return { kind: "not", test: spanTestOf(expr.operand, nowMs) };
    case "match":
      return expr.field === undefined
        ? { kind: "anywhere", test: textTest(expr.value, expr.span.start) }
        : fieldTest(expr.field, { expr, nowMs });
    case "exists":
    case "range":
      return fieldTest(expr.field, { expr, nowMs });
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
  | "duration"
  | "status"
  | "error"
  | { readonly column: SpanColumn; readonly foldCase?: boolean }
  | { readonly keys: readonly string[] };

const service = { column: "service" } as const;
const name = { column: "name" } as const;
const statusMessage = { column: "statusMessage" } as const;
const kind = { column: "kind", foldCase: true } as const;
const traceId = { column: "traceId", foldCase: true } as const;
const spanId = { column: "spanId", foldCase: true } as const;
const host = { keys: ["host.name", "host", "hostname"] } as const;

/** Names are looked for in lower case. */
const places: { readonly [name: string]: Place } = {
  service: service,
  "service.name": service,
  service_name: service,
  name: name,
  operation: name,
  "span.name": name,
  "transaction.name": name,
  duration: "duration",
  status: "status",
  "status.code": "status",
  "otel.status_code": "status",
  error: "error",
  message: statusMessage,
  status_message: statusMessage,
  "status.message": statusMessage,
  statusmessage: statusMessage,
  kind: kind,
  "span.kind": kind,
  trace: traceId,
  trace_id: traceId,
  traceid: traceId,
  "trace.id": traceId,
  span: spanId,
  span_id: spanId,
  spanid: spanId,
  "span.id": spanId,
  parent_id: { column: "parentId", foldCase: true },
  "parent.id": { column: "parentId", foldCase: true },
  host: host,
  hostname: host,
  "host.name": host,
  "scope.name": { column: "scopeName" },
  "otel.scope.name": { column: "scopeName" },
  "scope.version": { column: "scopeVersion" },
};

/** Names for completion that are there whatever the spans have. */
export const spanFieldNames: readonly string[] = [
  ...["service", "name", "duration", "status", "kind", "message", "@timestamp", "trace_id"],
];

export function placeOfSpanField(given: string): Place {
  if (isTimeField(given)) return "time";
  const lower = given.toLowerCase();
  if (Object.hasOwn(places, lower)) return places[lower] as Place;
  const scoped = /^(?:resource|span|attributes|event|labels)\.(?:attributes\.)?(.+)$/s.exec(given);
  return { keys: [...spellings(given), ...(scoped === null ? [] : [scoped[1] as string])] };
}

/** More underscores than this are taken as they are, all as dots, or none. */
const UNDERSCORES_MAX = 2;

/** Dots are written as underscores where dots are not allowed: any underscore may stand for one. */
function spellings(key: string): string[] {
  const [first = "", ...rest] = key.split("_");
  const all = new Set([key, key.replaceAll(".", "_"), key.replaceAll("_", ".")]);
  if (rest.length <= UNDERSCORES_MAX) {
    let made = [first];
    for (const part of rest)
      made = made.flatMap((start) => [`${start}_${part}`, `${start}.${part}`]);
    for (const spelling of made) all.add(spelling);
  }
  return [...all];
}

function fieldTest(field: KqlField, { expr, nowMs }: Asked): SpanTest {
  const given = kqlPlainText(field.name);
  if (given === undefined) return wildName(namePattern(field.name), { expr, nowMs });
  const place = placeOfSpanField(given);
  if (place === "time") return timeTest(expr, nowMs);
  if (place === "duration") return durationTest(expr);
  if (place === "status") return statusTest(expr);
  if (place === "error") return errorTest(expr, nowMs);
  if ("keys" in place)
    return both(
      testsOf(expr, nowMs).map((test) => ({ kind: "attribute", keys: place.keys, test })),
    );
  const tests = testsOf(expr, nowMs, place.foldCase);
  return both(tests.map((test) => ({ kind: "column", column: place.column, test })));
}

function both(tests: readonly SpanTest[]): SpanTest {
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : { kind: "both", tests };
}

function testsOf(expr: Asked["expr"], nowMs: number, foldCase = false): readonly ValueTest[] {
  switch (expr.kind) {
    case "exists":
      return [{ kind: "exists" }];
    case "match":
      return [wholeTest(expr.value, expr.span.start, foldCase)];
    case "range":
      return rangeTests(expr, nowMs);
    default:
      return unreachable(expr);
  }
}

function wildName(pattern: string, { expr, nowMs }: Asked): SpanTest {
  if (pattern === "^(?s:.*)$" && expr.kind === "match")
    return { kind: "anywhere", test: textTest(expr.value, expr.span.start) };
  return both(testsOf(expr, nowMs).map((test) => ({ kind: "keys", pattern, test })));
}

function timeTest(expr: Asked["expr"], nowMs: number): SpanTest {
  if (expr.kind === "exists") return both([]);
  const tests = expr.kind === "range" ? rangeTest(expr, nowMs) : momentTest(expr, nowMs);
  return both(tests.map(({ op, ns }) => ({ kind: "started", op, ns })));
}

function durationTest(expr: Asked["expr"]): SpanTest {
  if (expr.kind === "exists") return both([]);
  if (expr.kind === "range")
    return both(
      compared(expr).map(({ op, text, offset }) => ({
        kind: "duration",
        op,
        ns: durationNs(text, offset),
      })),
    );
  const text = expr.value.kind === "pattern" ? kqlPlainText(expr.value.pattern) : undefined;
  const ns = durationNs(text ?? "", expr.span.start);
  return both([
    { kind: "duration", op: ">=", ns },
    { kind: "duration", op: "<=", ns },
  ]);
}

const nsOf: { readonly [unit: string]: number } = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
  d: 86_400e9,
};
const U64_MAX = 2n ** 64n - 1n;

/** `1.5s`, `1m30s`, `250 ms`. */
function durationNs(text: string, offset: number): bigint {
  const compact = text.replace(/\s+/g, "");
  const parts = [...compact.matchAll(/(\d{1,15}(?:\.\d{1,15})?)([a-zµμ]{1,3})/gu)];
  const isWhole = parts.length > 0 && parts.map((part) => part[0]).join("") === compact;
  const known = parts.every((part) => Object.hasOwn(nsOf, part[2] ?? ""));
  if (!isWhole || !known)
    throw new TriptychError(
      "query_invalid",
      `${JSON.stringify(text.slice(0, 40))} is no duration; write it with its unit, such as 250ms, 2s or 1m30s`,
      { offset },
    );
  const sum = parts.reduce((ns, part) => ns + Number(part[1]) * (nsOf[part[2] ?? ""] ?? 0), 0);
  const ns = BigInt(Math.round(Math.min(sum, 1e20)));
  return ns > U64_MAX ? U64_MAX : ns;
}

/** `error`, `ok` and `unset` in any case; a number or anything else is an attribute that happens to have this name. */
function statusTest(expr: Asked["expr"]): SpanTest {
  if (expr.kind === "match") {
    const test = wholeTest(expr.value, expr.span.start, true);
    const column: SpanTest = { kind: "column", column: "status", test };
    const own = wholeTest(expr.value, expr.span.start);
    return { kind: "either", tests: [column, { kind: "attribute", keys: ["status"], test: own }] };
  }
  if (expr.kind === "exists")
    return {
      kind: "not",
      test: { kind: "column", column: "status", test: { kind: "equals", value: "Unset" } },
    };
  return both(rangeTests(expr, 0).map((test) => ({ kind: "attribute", keys: ["status"], test })));
}

/** `error: true` means that the span failed, whoever said so and how. */
function errorTest(expr: Asked["expr"], nowMs: number): SpanTest {
  const own = both(
    testsOf(expr, nowMs).map((test): SpanTest => ({ kind: "attribute", keys: ["error"], test })),
  );
  const text =
    expr.kind === "match" && expr.value.kind === "pattern" ? kqlPlainText(expr.value.pattern) : "";
  const failed: SpanTest = {
    kind: "column",
    column: "status",
    test: { kind: "equals", value: "Error" },
  };
  if (text === "true") return { kind: "either", tests: [failed, own] };
  if (text === "false") return { kind: "not", test: failed };
  return expr.kind === "exists" ? { kind: "either", tests: [failed, own] } : own;
}
