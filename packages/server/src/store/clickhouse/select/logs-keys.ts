/** Which keys the attributes of lines have: of a range of time, or of some of the table's parts. */
import { sql, type Sql, texts, u64 } from "../sql.ts";
import { type LogRange, logRange } from "./logs-filter.ts";

/** Parts of the days of a range: columns `day`, `part`, `lines`. */
export function logPartsSql(range: LogRange): Sql {
  return sql`SELECT toUInt32(partition) AS day, name AS part, rows AS lines FROM system.parts
    WHERE database = currentDatabase() AND table = 'otel_logs' AND active
      AND toUInt32(partition) >= toYYYYMMDD(fromUnixTimestamp64Nano(${u64(String(range.fromNs))}), 'UTC')
      AND toUInt32(partition) <= toYYYYMMDD(fromUnixTimestamp64Nano(${u64(String(range.toNs))}), 'UTC')`;
}

/** Columns `LogAttributes`, `ScopeAttributes`, `ResourceAttributes`: one row with up to `max` keys of each. */
function keysSql(where: Sql, max: number): Sql {
  return sql`SELECT groupUniqArrayArray(${u64(max)})(LogAttributes.keys) AS LogAttributes,
      groupUniqArrayArray(${u64(max)})(ScopeAttributes.keys) AS ScopeAttributes,
      groupUniqArrayArray(${u64(max)})(ResourceAttributes.keys) AS ResourceAttributes
    FROM otel_logs WHERE ${where}`;
}

export const keysOfRangeSql = (range: LogRange, max: number): Sql => keysSql(logRange(range), max);

export const keysOfPartsSql = (parts: readonly string[], max: number): Sql =>
  keysSql(sql`_part IN ${texts(parts)}`, max);
