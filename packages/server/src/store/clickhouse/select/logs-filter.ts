/** What a log line must be like, as SQL conditions over `otel_logs`. A value that is missing is the empty text. */
import type { LogLevel } from "@triptych/contract";
import { unreachable } from "@triptych/model";
import { all, constant, i64, type Sql, sql, text, texts } from "../sql.ts";
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import { levelSql } from "./logs-level.ts";

/** Nanoseconds since 1970; `fromNs` inclusive, `toNs` exclusive. */
export interface LogRange {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** Where in a line a value is looked for. */
export type LogField =
  | { readonly kind: "service" }
  | { readonly kind: "level" }
  | { readonly kind: "severity_text" }
  | { readonly kind: "trace_id" }
  | { readonly kind: "span_id" }
  | { readonly kind: "scope_name" }
  | { readonly kind: "scope_version" }
  | { readonly kind: "resource"; readonly key: string }
  | { readonly kind: "log"; readonly key: string }
  /** The line's own attribute, else its resource's. */
  | { readonly kind: "any"; readonly key: string }
  /** An attribute of line, scope or resource whose key, with all but letters and digits as `_`, is `name`. */
  | { readonly kind: "escaped"; readonly name: string }
  /** A label of a Loki stream; of other lines the resource attribute `key`, where there is one. */
  | { readonly kind: "stream"; readonly name: string; readonly key: string | undefined }
  /** A label or attribute of this name, else the level. */
  | { readonly kind: "level_label"; readonly name: string };

/** Patterns are RE2, already checked, and must contain their own anchors. */
export type MatchOp = "=" | "!=" | "=~" | "!~";

export type LogCondition =
  | {
      readonly kind: "match";
      readonly field: LogField;
      readonly op: MatchOp;
      readonly value: string;
    }
  | { readonly kind: "service_in"; readonly names: readonly string[] }
  | { readonly kind: "level_in"; readonly levels: readonly LogLevel[] }
  /** Case-insensitive. */
  | { readonly kind: "contains"; readonly text: string }
  | { readonly kind: "line"; readonly op: "|=" | "!=" | "|~" | "!~"; readonly value: string }
  /** All words of the text occur: what the index of words can answer, and `|=` implies. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "either" | "each"; readonly conditions: readonly LogCondition[] };

const INT64_MAX = 2n ** 63n - 1n;
/** The last second of a `DateTime`. */
const DATE_TIME_MAX = 0xffff_ffff;

export function clampedNs(ns: bigint): string {
  return String(ns < 0n ? 0n : ns > INT64_MAX ? INT64_MAX : ns);
}

export function logRange({ fromNs, toNs }: LogRange): Sql {
  const second = (ns: bigint): number =>
    Math.min(Number(BigInt(clampedNs(ns)) / 1_000_000_000n), DATE_TIME_MAX);
  // The table is sorted by service and whole seconds: the second pair finds the rows, the first decides.
  return sql`Timestamp >= fromUnixTimestamp64Nano(${i64(clampedNs(fromNs))})
    AND Timestamp < fromUnixTimestamp64Nano(${i64(clampedNs(toNs))})
    AND TimestampTime >= toDateTime(${i64(second(fromNs))})
    AND TimestampTime <= toDateTime(${i64(second(toNs))})`;
}

export function logConditions(conditions: readonly LogCondition[]): Sql {
  return all(conditions.map(logCondition));
}

function logCondition(condition: LogCondition): Sql {
  switch (condition.kind) {
    case "match":
      return matchCondition(condition.field, condition.op, condition.value);
    case "service_in":
      return sql`ServiceName IN ${texts(condition.names)}`;
    case "level_in":
      return sql`${levelSql} IN ${texts(condition.levels)}`;
    case "contains":
      return sql`positionCaseInsensitiveUTF8(Body, ${text(condition.text)}) > 0`;
    case "line":
      return lineCondition(condition.op, condition.value);
    case "words":
      return all(condition.words.map((word) => sql`hasToken(lower(Body), ${text(word)})`));
    case "either":
      return either(condition.conditions.map(logCondition));
    case "each":
      return sql`(${all(condition.conditions.map(logCondition))})`;
    default:
      return unreachable(condition);
  }
}

function either(conditions: readonly Sql[]): Sql {
  let out: Sql = constant("0");
  for (const condition of conditions) out = sql`${out} OR (${condition})`;
  return sql`(${out})`;
}

function lineCondition(op: "|=" | "!=" | "|~" | "!~", value: string): Sql {
  switch (op) {
    case "|=":
      return sql`position(Body, ${text(value)}) > 0`;
    case "!=":
      return sql`position(Body, ${text(value)}) = 0`;
    case "|~":
      return sql`match(Body, ${text(value)})`;
    case "!~":
      return sql`NOT match(Body, ${text(value)})`;
    default:
      return unreachable(op);
  }
}

function matchCondition(field: LogField, op: MatchOp, value: string): Sql {
  const column = fieldSql(field);
  switch (op) {
    case "=":
      return sql`(${presence(field, value)} AND ${column} = ${text(value)})`;
    case "!=":
      return sql`${column} != ${text(value)}`;
    case "=~":
      return sql`match(${column}, ${text(value)})`;
    case "!~":
      return sql`NOT match(${column}, ${text(value)})`;
    default:
      return unreachable(op);
  }
}

/** A test implied by equality that the index on attribute keys answers. */
function presence(field: LogField, value: string): Sql {
  if (value === "") return constant("1");
  if (field.kind === "resource") return sql`mapContains(ResourceAttributes, ${text(field.key)})`;
  if (field.kind === "log") return sql`mapContains(LogAttributes, ${text(field.key)})`;
  if (field.kind === "stream") {
    const name = sql`mapContains(ResourceAttributes, ${text(field.name)})`;
    if (field.key === undefined) return name;
    return sql`(${name} OR mapContains(ResourceAttributes, ${text(field.key)}))`;
  }
  return constant("1");
}

/** The field's value as text. */
export function fieldSql(field: LogField): Sql {
  switch (field.kind) {
    case "service":
      return constant("ServiceName");
    case "level":
      return levelSql;
    case "severity_text":
      return constant("SeverityText");
    case "trace_id":
      return constant("TraceId");
    case "span_id":
      return constant("SpanId");
    case "scope_name":
      return constant("ScopeName");
    case "scope_version":
      return constant("ScopeVersion");
    case "resource":
      return sql`ResourceAttributes[${text(field.key)}]`;
    case "log":
      return sql`LogAttributes[${text(field.key)}]`;
    case "any": {
      const key = text(field.key);
      return sql`if(mapContains(LogAttributes, ${key}), LogAttributes[${key}], ResourceAttributes[${key}])`;
    }
    case "escaped":
      return escapedSql(field.name);
    case "stream":
      return streamSql(field.name, field.key);
    case "level_label": {
      const own = escapedSql(field.name);
      return sql`multiIf(${own} != '', ${own}, ${levelSql})`;
    }
    default:
      return unreachable(field);
  }
}

/** Whether a line came from Loki's push: all attributes of its resource are labels then. */
export const fromLokiSql: Sql = sql`ResourceSchemaUrl = ${text(LOKI_SCHEMA_URL)}`;

function streamSql(name: string, key: string | undefined): Sql {
  const other = key === undefined ? sql`''` : sql`ResourceAttributes[${text(key)}]`;
  return sql`if(${fromLokiSql}, ResourceAttributes[${text(name)}], ${other})`;
}

/** A name without underscores is that of the key itself: no key needs to be rewritten to find it. */
function escapedSql(name: string): Sql {
  const valueIn = (column: Sql): Sql =>
    name.includes("_")
      ? sql`mapValues(${column})[indexOf(arrayMap(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]', '_'), mapKeys(${column})), ${text(name)})]`
      : sql`${column}[${text(name)}]`;
  const log = valueIn(constant("LogAttributes"));
  const scope = valueIn(constant("ScopeAttributes"));
  const resource = valueIn(constant("ResourceAttributes"));
  return sql`multiIf(${log} != '', ${log}, ${scope} != '', ${scope}, ${resource})`;
}
