/** Names of attributes and their values, for completion: counted over the newest spans of a range. */
import type { Static, Traceql } from "@triptych/lang";
import { all, type Sql, sql, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { readRows, textCells } from "./rows.ts";
import { attributeReading } from "./traceql-place.ts";
import { decodeValue } from "./traceql-table.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export const tagScopes = ["resource", "span", "event", "link", "instrumentation"] as const;
export type TagScope = (typeof tagScopes)[number];

const keysOf: { readonly [scope in TagScope]: Sql } = {
  resource: sql`mapKeys(ResourceAttributes)`,
  span: sql`mapKeys(SpanAttributes)`,
  event: sql`arrayFlatten(arrayMap(m -> mapKeys(m), \`Events.Attributes\`))`,
  link: sql`arrayFlatten(arrayMap(m -> mapKeys(m), \`Links.Attributes\`))`,
  instrumentation: sql`mapKeys(ScopeAttributes)`,
};

export interface TagQuery {
  readonly range: NsRange;
  readonly condition?: Sql | undefined;
  readonly limit: number;
}

const where = ({ range, condition }: TagQuery): Sql =>
  all([inRange(range), ...(condition === undefined ? [] : [condition])]);

export async function selectTagNames(
  reader: Reader,
  scope: TagScope,
  query: TagQuery,
): Promise<string[]> {
  const answer = await reader.select(
    sql`SELECT DISTINCT arrayJoin(${keysOf[scope]}) AS name FROM otel_traces WHERE ${where(query)}
        ORDER BY name LIMIT ${u64(query.limit)}`,
  );
  return readRows(answer, (block) => textCells(block, "name"));
}

/** Distinct values of an attribute with their types, in no order. */
export async function selectAttributeValues(
  reader: Reader,
  attribute: Traceql.Attribute,
  query: TagQuery,
): Promise<Static[]> {
  const reading = attributeReading(attribute);
  const value = reading.many ? sql`arrayJoin(${reading.sql})` : reading.sql;
  return distinct(reader, value, query);
}

/** Spans that have none of these are passed over: their lack is no value that the limit counts. */
async function distinct(
  reader: Reader,
  value: Sql,
  query: TagQuery,
  none: readonly string[] = [""],
): Promise<Static[]> {
  const answer = await reader.select(
    sql`SELECT DISTINCT enc FROM (SELECT ${value} AS enc FROM otel_traces WHERE ${where(query)})
        WHERE enc NOT IN ${texts(none)} LIMIT ${u64(query.limit)}`,
  );
  return readRows(answer, (block) => textCells(block, "enc")).map(decodeValue);
}

const intrinsicValues: ReadonlyMap<string, Sql> = new Map([
  ["name", sql`concat('1', SpanName)`],
  ["statusMessage", sql`concat('1', StatusMessage)`],
  ["instrumentation:name", sql`concat('1', ScopeName)`],
  ["instrumentation:version", sql`concat('1', ScopeVersion)`],
  ["rootName", sql`if(ParentSpanId = '', concat('1', SpanName), '')`],
  ["rootServiceName", sql`if(ParentSpanId = '', concat('1', ServiceName), '')`],
  ["event:name", sql`arrayJoin(arrayMap(x -> concat('1', x), \`Events.Name\`))`],
]);

/** As `attributeReading` reads it. */
const EMPTY_TEXT = "1";

/** Distinct values of an intrinsic whose values are worth listing; `undefined` for others. */
export async function selectIntrinsicValues(
  reader: Reader,
  intrinsic: string,
  query: TagQuery,
): Promise<Static[] | undefined> {
  const value = intrinsicValues.get(intrinsic);
  if (value === undefined) return undefined;
  return distinct(reader, value, query, ["", EMPTY_TEXT]);
}
