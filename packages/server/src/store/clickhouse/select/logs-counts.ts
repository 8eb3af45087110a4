/** Counts of lines and bytes for LogQL: in slots of time, by labels, by streams. */
import { constant, i64, join, type Sql, sql, texts, u64 } from "../sql.ts";
import {
  clampedNs,
  fieldSql,
  fromLokiSql,
  type LogCondition,
  logConditions,
  type LogField,
  type LogRange,
  logRange,
} from "./logs-filter.ts";

interface Filter {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

/** Slot `i` has the lines later than `afterNs + i * slotNs`, up to the next slot's beginning. */
export interface Slots {
  readonly afterNs: bigint;
  readonly slotNs: bigint;
}

/** Lines and, if asked, their bytes by slot and fields: `slot`, `found` (the values of the fields), `lines`, `bytes`. */
export function slotCountsSql(
  { range, conditions }: Filter,
  fields: readonly LogField[],
  {
    slots,
    limit,
    bytes,
  }: { readonly slots: Slots; readonly limit: number; readonly bytes: boolean },
): Sql {
  const after = i64(clampedNs(slots.afterNs));
  const size = bytes ? sql`sum(length(Body))` : sql`toUInt64(0)`;
  const inner = fields.map((field, i) =>
    isLevel(field)
      ? sql`SeverityNumber, SeverityText, ResourceSchemaUrl`
      : sql`toString(${fieldSql(field)}) AS ${constant(`f${i}`)}`,
  );
  const keys = fields.map((field, i) =>
    isLevel(field) ? sql`SeverityNumber, SeverityText, ResourceSchemaUrl` : constant(`f${i}`),
  );
  const values = fields.map((field, i) => (isLevel(field) ? fieldSql(field) : constant(`f${i}`)));
  const found = values.length === 0 ? sql`emptyArrayString()` : sql`[${join(values, ", ")}]`;
  // What a level is follows from few numbers and texts: it is found for each of them, not for each line.
  return sql`SELECT slot, ${found} AS found, sum(n) AS lines, sum(b) AS bytes FROM (
      SELECT ${join([sql`intDiv(toUnixTimestamp64Nano(Timestamp) - ${after} - 1, ${i64(String(slots.slotNs))}) AS slot`, ...inner], ", ")},
        count() AS n, ${size} AS b
      FROM otel_logs WHERE ${logRange(range)} AND ${logConditions(conditions)}
      GROUP BY ${join([sql`slot`, ...keys], ", ")}
    ) GROUP BY slot, found LIMIT ${u64(limit)}`;
}

const isLevel = (field: LogField): boolean =>
  field.kind === "level" ||
  field.kind === "detected_level" ||
  (field.kind === "level_label" && field.places?.length === 0);

/** How much there is: `streams`, `lines`, `bytes`, `parts` (days, which stand for Loki's chunks). */
export function logStatsSql({ range, conditions }: Filter): Sql {
  return sql`SELECT uniq(ServiceName, ResourceAttributes) AS streams, count() AS lines, sum(length(Body)) AS bytes,
      uniq(ServiceName, toStartOfHour(TimestampTime)) AS parts
    FROM otel_logs WHERE ${logRange(range)} AND ${logConditions(conditions)}`;
}

/** Bytes by slot and stream: `slot`, `service`, `schema`, `found` (labels), `bytes`, most bytes first. */
export function volumeSql(
  { range, conditions }: Filter,
  keys: readonly string[],
  { slots, limit }: { readonly slots: Slots; readonly limit: number },
): Sql {
  const after = i64(clampedNs(slots.afterNs));
  return sql`SELECT intDiv(toUnixTimestamp64Nano(Timestamp) - ${after}, ${i64(String(slots.slotNs))}) AS slot,
      ServiceName AS service, ResourceSchemaUrl AS schema,
      if(${fromLokiSql}, ResourceAttributes, mapFilter((k, v) -> has(${texts(keys)}, k), ResourceAttributes)) AS found,
      sum(length(Body)) AS bytes
    FROM otel_logs WHERE ${logRange(range)} AND ${logConditions(conditions)}
    GROUP BY slot, service, schema, found ORDER BY bytes DESC LIMIT ${u64(limit)}`;
}
