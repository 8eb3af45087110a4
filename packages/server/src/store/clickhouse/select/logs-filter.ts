/** What a log line must be like, as SQL conditions over `otel_logs`. A value that is missing is the empty text. */
import type { LogLevel } from "@triptych/contract";
import { unreachable } from "@triptych/model";
import { all, constant, i64, join, type Sql, sql, text, texts, u64 } from "../sql.ts";
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import { LETTERS_OF_BODY } from "../tables.ts";
import { type ComparedOp, type ComparedUnit, mayCompare } from "./compare-test.ts";
import { levelSql } from "./logs-level.ts";
import {
  anyAttribute,
  type CompareOp,
  compareOp,
  type ValueTest,
  valueTest,
} from "./value-test.ts";

/** Nanoseconds since 1970; `fromNs` inclusive, `toNs` exclusive. */
export interface LogRange {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** Where in a line a value is looked for. */
export type LogField =
  | { readonly kind: "service" }
  | { readonly kind: "level" }
  /** What Loki's push found in a line is kept as it is; of other lines it is the level. */
  | { readonly kind: "detected_level" }
  /** `isOtlp`: of lines of Loki's push, which keep there what was found of a level, it is the empty text. */
  | { readonly kind: "severity_text"; readonly isOtlp?: true }
  | { readonly kind: "trace_id" }
  | { readonly kind: "span_id" }
  | { readonly kind: "scope_name" }
  | { readonly kind: "scope_version" }
  | { readonly kind: "resource"; readonly key: string }
  | { readonly kind: "log"; readonly key: string }
  /** The line's own attribute, else its resource's. */
  | { readonly kind: "any"; readonly key: string }
  /** An attribute of line, scope or resource whose key, with all but letters and digits as `_`, is `name`. */
  | {
      readonly kind: "escaped";
      readonly name: string;
      readonly places?: readonly LogPlace[];
      /** The one key that it stands for in a place, where that is known. */
      readonly keys?: ReadonlyMap<LogPlace, string>;
    }
  /** A label of a Loki stream; of other lines the resource attribute `key`, where there is one. */
  | { readonly kind: "stream"; readonly name: string; readonly key: string | undefined }
  /**
   * An attribute as it is named in a search: with this key, else with one that is the same when all but letters and
   * digits count as `_`.
   */
  | { readonly kind: "named"; readonly key: string }
  | { readonly kind: "body" }
  /**
   * A label or attribute of this name, else, of lines that did not come by Loki's push, the level. Grouped by, it is
   * the level of Loki's lines, too.
   */
  | {
      readonly kind: "level_label";
      readonly name: string;
      readonly isGrouped?: boolean;
      readonly places?: readonly LogPlace[];
      readonly keys?: ReadonlyMap<LogPlace, string>;
    };

/** Where a line's attributes are, in the order in which they count. Reading them all takes long: see `placesWithKey`. */
export type LogPlace = "LogAttributes" | "ScopeAttributes" | "ResourceAttributes";
export const logPlaces: readonly LogPlace[] = [
  "LogAttributes",
  "ScopeAttributes",
  "ResourceAttributes",
];

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
  /** The letters of the text occur one after another: what the index of words can answer, and `|=` implies. */
  | { readonly kind: "letters"; readonly text: string }
  | { readonly kind: "either" | "each"; readonly conditions: readonly LogCondition[] }
  | { readonly kind: "not"; readonly condition: LogCondition }
  | { readonly kind: "value"; readonly field: LogField; readonly test: ValueTest }
  /** Any attribute whose key matches the pattern (RE2, with its anchors), or any at all. */
  | { readonly kind: "keys"; readonly pattern: string | undefined; readonly test: ValueTest }
  | { readonly kind: "written"; readonly op: CompareOp; readonly ns: bigint }
  /** Lets through more than the comparison does: see `compare-test.ts`. */
  | {
      readonly kind: "may_compare";
      readonly field: LogField;
      readonly op: ComparedOp;
      readonly unit: ComparedUnit;
      readonly value: number;
    }
  /** Came with one of these journals' records, up to the number given for it. */
  | {
      readonly kind: "stored_by";
      readonly heads: readonly { readonly writer: number; readonly seq: bigint }[];
    };

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
      return sql`(${linesWithLetters(condition.text)} AND positionCaseInsensitiveUTF8(Body, ${text(condition.text)}) > 0)`;
    case "line":
      return lineCondition(condition.op, condition.value);
    case "letters":
      return linesWithLetters(condition.text);
    case "either":
      return either(condition.conditions.map(logCondition));
    case "each":
      return sql`(${all(condition.conditions.map(logCondition))})`;
    case "not":
      return sql`NOT (${logCondition(condition.condition)})`;
    case "value":
      return fieldTest(condition.field, condition.test);
    case "keys":
      return sql`(${join(
        placesOf(condition.pattern).map((place) =>
          anyAttribute(constant(place), condition.pattern, condition.test),
        ),
        " OR ",
      )})`;
    case "written":
      return sql`toUnixTimestamp64Nano(Timestamp) ${compareOp(condition.op)} ${i64(String(condition.ns))}`;
    case "may_compare":
      return mayCompare(fieldSql(condition.field), condition);
    case "stored_by":
      return either(
        condition.heads.map(
          ({ writer, seq }) => sql`_w = ${u64(writer)} AND _seq <= ${u64(String(seq))}`,
        ),
      );
    default:
      return unreachable(condition);
  }
}

/** Attributes of scopes have no index: without a key they would make each search read all lines. */
function placesOf(keyPattern: string | undefined): readonly LogPlace[] {
  return keyPattern === undefined
    ? logPlaces.filter((one) => one !== "ScopeAttributes")
    : logPlaces;
}

function fieldTest(field: LogField, test: ValueTest): Sql {
  const passes = valueTest(fieldSql(field), test);
  if (test.kind === "equals") return sql`(${implied(field, test.value)} AND ${passes})`;
  if (field.kind !== "named") return passes;
  // A field that is not there has no value, not an empty one, which patterns such as `.*` would find.
  return test.kind === "matches" ? sql`(${fieldSql(field)} != '' AND ${passes})` : passes;
}

/** The index looks through its words for a part of one when the part is at least this long. */
const LETTERS_MIN = 4;
const LETTERS_MAX = 8;

function linesWithLetters(value: string): Sql {
  const parts = value.toLowerCase().match(/[a-z]+/g) ?? [];
  const long = [...new Set(parts)].filter((part) => part.length >= LETTERS_MIN);
  return all(
    long
      .slice(0, LETTERS_MAX)
      .map((part) => sql`${constant(LETTERS_OF_BODY)} LIKE ${text(`%${part}%`)}`),
  );
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
  const found = matchOf(field, fieldSql(field), op, value);
  if (field.kind !== "level_label" || field.isGrouped === true) return found;
  // As `LineLabels.writtenLevel`: a level may be asked for in its sender's letters.
  const own = field.places?.length === 0 ? constant("''") : escapedSql(field);
  const written = matchOf(field, constant("SeverityText"), op, value);
  const isWritten = sql`(${own} = '' AND SeverityText != '' AND NOT ${fromLokiSql})`;
  return op.startsWith("!")
    ? sql`(${found} AND (NOT ${isWritten} OR ${written}))`
    : sql`(${found} OR (${isWritten} AND ${written}))`;
}

function matchOf(field: LogField, column: Sql, op: MatchOp, value: string): Sql {
  switch (op) {
    case "=":
      return sql`(${implied(field, value)} AND ${column} = ${text(value)})`;
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

/** A test implied by equality that the index on attribute values answers. */
function implied(field: LogField, value: string): Sql {
  if (value === "") return constant("1");
  const hasValue = (column: string): Sql =>
    sql`has(mapValues(${constant(column)}), ${text(value)})`;
  switch (field.kind) {
    case "stream":
      return hasValue("ResourceAttributes");
    case "any":
      return sql`(${hasValue("LogAttributes")} OR ${hasValue("ResourceAttributes")})`;
    case "escaped":
      return either((field.places ?? logPlaces).map(hasValue));
    case "named":
      return sql`(${hasValue("LogAttributes")} OR ${hasValue("ResourceAttributes")} OR ${hasValue("ScopeAttributes")})`;
    default:
      return constant("1");
  }
}

/** The field's value as text. */
export function fieldSql(field: LogField): Sql {
  switch (field.kind) {
    case "service":
      return constant("ServiceName");
    case "level":
      return levelSql;
    case "detected_level":
      return sql`multiIf(NOT ${fromLokiSql}, ${levelSql}, SeverityText = '', 'unknown', SeverityText)`;
    case "severity_text":
      return field.isOtlp === true
        ? sql`if(${fromLokiSql}, '', SeverityText)`
        : constant("SeverityText");
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
      return escapedSql(field);
    case "stream":
      return streamSql(field.name, field.key);
    case "named":
      return namedSql(field.key);
    case "body":
      return constant("Body");
    case "level_label": {
      const lokis = field.isGrouped ? constant("SeverityText") : constant("''");
      const fallback = sql`if(${fromLokiSql}, ${lokis}, ${levelSql})`;
      if (field.places?.length === 0) return fallback;
      const own = escapedSql(field);
      return sql`multiIf(${own} != '', ${own}, ${fallback})`;
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
export const isOwnKey = (name: string): boolean => !name.includes("_");

function escapedSql({
  name,
  places = logPlaces,
  keys,
}: Pick<Extract<LogField, { kind: "escaped" }>, "name" | "places" | "keys">): Sql {
  const valueIn = (place: LogPlace): Sql => {
    const column = constant(place);
    const key = keys?.get(place) ?? (isOwnKey(name) ? name : undefined);
    return key === undefined
      ? sql`mapValues(${column})[indexOf(arrayMap(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]', '_'), mapKeys(${column})), ${text(name)})]`
      : sql`${column}[${text(key)}]`;
  };
  const [last = sql`''`, ...others] = places.map(valueIn).reverse();
  return others.reduce((rest, value) => sql`if(${value} != '', ${value}, ${rest})`, last);
}

function namedSql(key: string): Sql {
  const name = key.replace(/[^a-zA-Z0-9]/g, "_");
  const exact = logPlaces.map((place) => sql`${constant(place)}[${text(key)}]`);
  const found = exact.map((value) => sql`${value} != '', ${value}`);
  const rest = name === key && isOwnKey(name) ? sql`''` : escapedSql({ name });
  return sql`multiIf(${join(found, ", ")}, ${rest})`;
}

/** The names of the places that have a line with the key, which the indices on keys tell soon. */
export function placesWithKeySql(range: LogRange, key: string): Sql {
  const has = (place: LogPlace): Sql =>
    sql`exists(SELECT 1 FROM otel_logs WHERE ${logRange(range)} AND mapContains(${constant(place)}, ${text(key)}) LIMIT 1)`;
  const found = logPlaces.map((place) => sql`if(${has(place)}, ${text(place)}, '')`);
  return sql`arrayFilter(x -> x != '', [${join(found, ", ")}])`;
}
