/** What a search over spans may be about: keys of attributes and values of fields, looked for among some spans. */
import { constant, type Sql, sql, text, u64 } from "../sql.ts";
import { namesSql } from "./logs-texts.ts";
import { inRange, type NsRange } from "./traces-filter.ts";
import { type SpanColumn, spanColumns } from "./traces-test.ts";

const ROWS_MAX = 20_000;

/** `name`, `count`. */
export function spanKeysSql(range: NsRange, like: string, limit: number): Sql {
  return namesSql(
    sql`SELECT arrayJoin(arrayConcat(mapKeys(SpanAttributes), mapKeys(ResourceAttributes))) AS name
      FROM (SELECT SpanAttributes, ResourceAttributes FROM otel_traces WHERE ${inRange(range)} LIMIT ${u64(ROWS_MAX)})`,
    like,
    limit,
  );
}

/** Of a column or of the first attribute that has one of the keys: `name`, `count`. */
export function spanValuesSql(
  range: NsRange,
  field: { readonly column: SpanColumn } | { readonly keys: readonly string[] },
  { like, limit }: { readonly like: string; readonly limit: number },
): Sql {
  const value = "column" in field ? constant(spanColumns[field.column]) : attribute(field.keys);
  return namesSql(
    sql`SELECT toString(${value}) AS name FROM otel_traces WHERE ${inRange(range)} LIMIT ${u64(ROWS_MAX)}`,
    like,
    limit,
  );
}

function attribute(keys: readonly string[]): Sql {
  return keys
    .flatMap((key) => [sql`SpanAttributes[${text(key)}]`, sql`ResourceAttributes[${text(key)}]`])
    .reduceRight((rest, value) => sql`if(${value} != '', ${value}, ${rest})`, sql`''`);
}
