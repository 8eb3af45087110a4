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
  placesWithKeySql,
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

/**
 * Lines and, if asked, their bytes by slot and fields: `slot`, `found` (the values of the fields), `lines`, `bytes`.
 * `isLokiThere` false says that no line of the range came by Loki's push.
 */
export function slotCountsSql(
  filter: Filter,
  fields: readonly LogField[],
  {
    slots,
    limit,
    bytes,
    isLokiThere = true,
  }: {
    readonly slots: Slots;
    readonly limit: number;
    readonly bytes: boolean;
    readonly isLokiThere?: boolean;
  },
): Sql {
  const others = fields.flatMap((field, i) =>
    isLevel(field) ? [] : [{ value: sql`toString(${fieldSql(field)})`, name: constant(`f${i}`) }],
  );
  const values = fields.map((field, i) => (isLevel(field) ? fieldSql(field) : constant(`f${i}`)));
  const found = values.length === 0 ? sql`emptyArrayString()` : sql`[${join(values, ", ")}]`;
  const counted = (where: Sql, level: CountedLevel): Sql => {
    const selected = others.map(({ value, name }) => sql`${value} AS ${name}`);
    const keys = [...level.keys, ...others.map(({ name }) => name)];
    return sql`SELECT ${join([sql`${slotSql(slots)} AS slot`, ...level.selected, ...selected], ", ")},
        count() AS n, ${bytes ? sql`sum(length(Body))` : sql`toUInt64(0)`} AS b
      FROM otel_logs WHERE ${where} GROUP BY ${join([sql`slot`, ...keys], ", ")}`;
  };
  const where = sql`${logRange(filter.range)} AND ${logConditions(filter.conditions)}`;
  const parts = fields.some(isLevel)
    ? levelParts(where, fields.some(isOfLoki) && isLokiThere, counted)
    : counted(where, { selected: [], keys: [] });
  return sql`SELECT slot, ${found} AS found, sum(n) AS lines, sum(b) AS bytes FROM (${parts})
    GROUP BY slot, found LIMIT ${u64(limit)}`;
}

const slotSql = ({ afterNs, slotNs }: Slots): Sql =>
  sql`intDiv(toUnixTimestamp64Nano(Timestamp) - ${i64(clampedNs(afterNs))} - 1, ${i64(String(slotNs))})`;

/** What a level follows from, as it is selected and as it is grouped by. */
interface CountedLevel {
  readonly selected: readonly Sql[];
  readonly keys: readonly Sql[];
}

const NUMBERED = sql`(SeverityNumber >= 1 AND SeverityNumber <= 24)`;

/**
 * What a level is follows from few numbers and texts: it is found for each of them, not for each line. Of most lines a
 * number says it alone, and to group by texts as well takes twice as long: other lines are counted apart.
 */
function levelParts(
  where: Sql,
  needsSchema: boolean,
  counted: (where: Sql, level: CountedLevel) => Sql,
): Sql {
  const columns = constant("SeverityNumber, SeverityText, ResourceSchemaUrl");
  const whole: CountedLevel = { selected: [columns], keys: [columns] };
  if (needsSchema) return counted(where, whole);
  const numbered: CountedLevel = {
    selected: [sql`SeverityNumber, '' AS SeverityText, '' AS ResourceSchemaUrl`],
    keys: [constant("SeverityNumber")],
  };
  return sql`${counted(sql`${where} AND ${NUMBERED}`, numbered)}
    UNION ALL ${counted(sql`${where} AND NOT ${NUMBERED}`, whole)}`;
}

const isLevel = (field: LogField): boolean =>
  field.kind === "level" ||
  field.kind === "detected_level" ||
  (field.kind === "level_label" && field.places?.length === 0);

/** Whether the level of a line of Loki's push is another than its number says. */
export const isOfLoki = ({ kind }: LogField): boolean =>
  kind === "detected_level" || kind === "level_label";

/**
 * What short looks at the range tell: whether a line of it came by Loki's push, where that is asked (`loki`), and of each
 * key the names of the places where a line has it (`found0` and so on). One row.
 */
export function presenceSql(
  range: LogRange,
  { loki, keys }: { readonly loki: boolean; readonly keys: readonly string[] },
): Sql {
  const isLoki = sql`exists(SELECT 1 FROM otel_logs WHERE ${logRange(range)} AND ${fromLokiSql} LIMIT 1)`;
  const places = keys.map(
    (key, i) => sql`${placesWithKeySql(range, key)} AS ${constant(`found${i}`)}`,
  );
  return sql`SELECT ${join([sql`${loki ? isLoki : constant("0")} AS loki`, ...places], ", ")}`;
}

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
