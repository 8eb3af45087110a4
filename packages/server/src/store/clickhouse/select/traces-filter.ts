/**
 * What a span must be like, as SQL conditions over `otel_traces`. An attribute that is missing counts as the empty
 * text, as in the query languages.
 */
import { unreachable } from "@triptych/model";
import { all, type Bound, constant, empty, i64, join, type Sql, sql, text, u64 } from "../sql.ts";
import { type SpanTest, spanTest } from "./traces-test.ts";

/** Nanoseconds since 1970; `fromNs` inclusive, `toNs` exclusive. */
export interface NsRange {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

export interface AttributeCondition {
  readonly scope: "resource" | "span" | "log" | "any";
  readonly key: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  /** For the last two a pattern that RE2 takes, with its anchors. */
  readonly value: string;
}

export interface SpanFilter {
  readonly range: NsRange;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly minDurationNs?: bigint | undefined;
  readonly maxDurationNs?: bigint | undefined;
  readonly status?: "error" | "ok" | undefined;
  readonly attributes?: readonly AttributeCondition[] | undefined;
  /** Jaeger's tags: each is looked for wherever Jaeger shows it. */
  readonly tags?: readonly (readonly [key: string, value: string])[] | undefined;
  /** What the search bar asks for. */
  readonly search?: SpanTest | undefined;
}

export function inRange({ fromNs, toNs }: NsRange): Sql {
  return sql`Timestamp >= fromUnixTimestamp64Nano(${i64(clamped(fromNs))})
    AND Timestamp < fromUnixTimestamp64Nano(${i64(clamped(toNs))})${minutesOf({ fromNs, toNs })}`;
}

const MINUTE_NS = 60_000_000_000n;
/** The engine's minutes have 32 bits of seconds: those of later spans (2106) begin again at 1970. */
const MINUTES_END_NS = 2n ** 32n * 1_000_000_000n;

/**
 * The same once more by the first column of the table's order. The engine does not see by itself that times bound
 * minutes, because the time is a column of the order too, and would read all of a day.
 */
export function minutesOf({ fromNs, toNs }: NsRange): Sql {
  if (toNs > MINUTES_END_NS) return empty;
  return sql` AND toStartOfMinute(Timestamp) >= toDateTime(${u32(minuteOf(fromNs))})
    AND toStartOfMinute(Timestamp) <= toDateTime(${u32(minuteOf(toNs))})`;
}

/** Seconds at which the minute of a time begins. */
function minuteOf(ns: bigint): number {
  return ns < 0n ? 0 : Number(ns / MINUTE_NS) * 60;
}

const u32 = (value: number): Bound => ({ type: "UInt32", value });

const INT64_MAX = 2n ** 63n - 1n;

function clamped(ns: bigint): string {
  return String(ns < 0n ? 0n : ns > INT64_MAX ? INT64_MAX : ns);
}

/** Whether the filter asks for more than a time range. */
export function isSelective(filter: SpanFilter): boolean {
  return spanConditions(filter).length > 0;
}

export function spanCondition(filter: SpanFilter): Sql {
  return all([inRange(filter.range), ...spanConditions(filter)]);
}

export function spanConditions(filter: SpanFilter): Sql[] {
  const out: Sql[] = [];
  if (filter.service !== undefined) out.push(sql`ServiceName = ${text(filter.service)}`);
  if (filter.operation !== undefined) out.push(sql`SpanName = ${text(filter.operation)}`);
  if (filter.minDurationNs !== undefined)
    out.push(sql`Duration >= ${u64(String(filter.minDurationNs))}`);
  if (filter.maxDurationNs !== undefined)
    out.push(sql`Duration <= ${u64(String(filter.maxDurationNs))}`);
  if (filter.status === "error") out.push(sql`StatusCode = 'Error'`);
  if (filter.status === "ok") out.push(sql`StatusCode != 'Error'`);
  for (const condition of filter.attributes ?? []) out.push(attributeCondition(condition));
  for (const [key, value] of filter.tags ?? []) out.push(tagCondition(key, value));
  if (filter.search !== undefined) out.push(spanTest(filter.search));
  return out;
}

/** A place where attributes are; `many` is a column with a map per event or link. */
interface Place {
  readonly column: Sql;
  readonly many: boolean;
}
const place = (column: string, many = false): Place => ({ column: constant(column), many });
const resource = place("ResourceAttributes");
const span = place("SpanAttributes");
const scope = place("ScopeAttributes");
const events = place("`Events.Attributes`", true);
const links = place("`Links.Attributes`", true);

const placesOf = {
  resource: [resource],
  span: [span],
  log: [events],
  any: [span, resource],
} as const satisfies { readonly [S in AttributeCondition["scope"]]: readonly Place[] };

export function attributeCondition({ scope: where, key, op, value }: AttributeCondition): Sql {
  const places = placesOf[where];
  switch (op) {
    case "=":
      return value === "" ? absent(places, key) : equalsIn(places, key, value);
    case "!=":
      return not(value === "" ? absent(places, key) : equalsIn(places, key, value));
    case "=~":
      return matchesIn(places, key, value);
    case "!~":
      return not(matchesIn(places, key, value));
    default:
      return unreachable(op);
  }
}

const not = (condition: Sql): Sql => sql`NOT (${condition})`;

function equalsIn(places: readonly Place[], key: string, value: string): Sql {
  const tests = places.map(({ column, many }) =>
    many
      ? sql`arrayExists(m -> m[${text(key)}] = ${text(value)}, ${column})`
      : sql`${column}[${text(key)}] = ${text(value)}`,
  );
  return sql`(${join(tests, " OR ")})`;
}

/** Equal to the empty text: none of the places has a value. */
function absent(places: readonly Place[], key: string): Sql {
  const tests = places.map(({ column, many }) =>
    many
      ? sql`NOT arrayExists(m -> m[${text(key)}] != '', ${column})`
      : sql`${column}[${text(key)}] = ''`,
  );
  return sql`(${join(tests, " AND ")})`;
}

function matchesIn(places: readonly Place[], key: string, pattern: string): Sql {
  const whole = text(pattern);
  const tests = places.map(({ column, many }) =>
    many
      ? sql`arrayExists(m -> match(m[${text(key)}], ${whole}), ${column})`
      : sql`match(${column}[${text(key)}], ${whole})`,
  );
  return sql`(${join(tests, " OR ")})`;
}

const everywhere: readonly Place[] = [span, resource, scope, events, links];

/**
 * A tag as Jaeger shows and searches it: attributes of the span, its process, scope, logs and links, and the tags that
 * stand for fields of the span.
 */
export function tagCondition(key: string, value: string): Sql {
  const attribute =
    value === ""
      ? sql`(${absent(everywhere, key)} AND (${join(
          everywhere.map(({ column, many }) =>
            many
              ? sql`arrayExists(m -> mapContains(m, ${text(key)}), ${column})`
              : sql`mapContains(${column}, ${text(key)})`,
          ),
          " OR ",
        )}))`
      : equalsIn(everywhere, key, value);
  if (key.startsWith("resource.") && value !== "") {
    const own = equalsIn([resource], key.slice("resource.".length), value);
    return sql`(${attribute} OR ${own})`;
  }
  const field = fieldTags.get(key)?.(value);
  return field === undefined ? attribute : sql`(${field} OR ${attribute})`;
}

const never = sql`0`;
const truths = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const untruths = new Set(["0", "f", "F", "false", "FALSE", "False"]);

function errorTag(value: string): Sql {
  if (truths.has(value)) return sql`StatusCode = 'Error'`;
  if (!untruths.has(value)) return never;
  return sql`(StatusCode != 'Error' AND NOT ${equalsIn([span], "error", "true")})`;
}

function statusTag(value: string): Sql {
  const status = ["Ok", "Error", "Unset"].find(
    (name) => name.toUpperCase() === value.toUpperCase(),
  );
  return status === undefined ? never : sql`StatusCode = ${text(status)}`;
}

const column =
  (name: string) =>
  (value: string): Sql =>
    sql`${constant(name)} = ${text(value)}`;

const fieldTags: ReadonlyMap<string, (value: string) => Sql> = new Map([
  ["error", errorTag],
  ["span.kind", (value) => sql`lower(SpanKind) = ${text(value.toLowerCase())}`],
  ["span.status", statusTag],
  ["otel.status_code", statusTag],
  ["otel.status_description", column("StatusMessage")],
  ["otel.scope.name", column("ScopeName")],
  ["otel.library.name", column("ScopeName")],
  ["scope.name", column("ScopeName")],
  ["otel.scope.version", column("ScopeVersion")],
  ["otel.library.version", column("ScopeVersion")],
  ["scope.version", column("ScopeVersion")],
  ["w3c.tracestate", column("TraceState")],
  ["event", (value) => sql`has(\`Events.Name\`, ${text(value)})`],
]);
