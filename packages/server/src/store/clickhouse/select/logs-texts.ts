/** Of lines only what templates are made of; and what a search bar may offer to those who type. */
import type { NativeBlock } from "@triptych/wire";
import { all, i64, type Sql, sql, text, u64 } from "../sql.ts";
import {
  clampedNs,
  fieldSql,
  type LogCondition,
  logConditions,
  type LogField,
  type LogRange,
  logRange,
} from "./logs-filter.ts";
import { levelSql } from "./logs-level.ts";
import { type Cell, numberCells, textCells } from "./rows.ts";

interface Filter {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

const where = ({ range, conditions }: Filter): Sql =>
  all([logRange(range), logConditions(conditions)]);

/** Matching lines: `before` the time and from then on, `after`. */
export function sidesSql(filter: Filter, borderNs: bigint): Sql {
  const border = sql`fromUnixTimestamp64Nano(${i64(clampedNs(borderNs))})`;
  return sql`SELECT countIf(Timestamp < ${border}) AS before, countIf(Timestamp >= ${border}) AS after
    FROM otel_logs WHERE ${where(filter)}`;
}

export interface LineText {
  readonly timeMs: number;
  readonly level: string;
  readonly service: string;
  readonly text: string;
}

/** One in `every` of the matching lines, cut to `charsMax`, in order of time. */
export function lineTextsSql(
  filter: Filter,
  { every, charsMax, linesMax }: { every: number; charsMax: number; linesMax: number },
): Sql {
  const sampled = every <= 1 ? sql`1` : sql`cityHash64(_w, _seq, _n) % ${u64(every)} = 0`;
  return sql`SELECT toUnixTimestamp64Milli(Timestamp) AS ms, ${levelSql} AS level, ServiceName AS service,
      substringUTF8(Body, 1, ${u64(charsMax)}) AS text
    FROM otel_logs WHERE ${where(filter)} AND ${sampled} ORDER BY Timestamp LIMIT ${u64(linesMax)}`;
}

/** Reads the rows of `lineTextsSql`. */
export function lineTextCells(block: NativeBlock): Cell<LineText> {
  const ms = numberCells(block, "ms");
  const level = textCells(block, "level");
  const service = textCells(block, "service");
  const line = textCells(block, "text");
  return (row) => ({
    timeMs: ms(row),
    level: level(row),
    service: service(row),
    text: line(row),
  });
}

/** A look at so many rows tells what is usual. */
const ROWS_MAX = 20_000;

/** Keys of attributes among some lines, commonest first: `name`, `count`. */
export function logKeysSql(filter: Filter, like: string, limit: number): Sql {
  return namesSql(
    sql`SELECT arrayJoin(arrayConcat(mapKeys(LogAttributes), mapKeys(ResourceAttributes))) AS name
      FROM (SELECT LogAttributes, ResourceAttributes FROM otel_logs WHERE ${where(filter)} LIMIT ${u64(ROWS_MAX)})`,
    like,
    limit,
  );
}

/** Values of a field among some lines, commonest first: `name`, `count`. */
export function logValuesSql(filter: Filter, field: LogField, like: string, limit: number): Sql {
  return namesSql(
    sql`SELECT toString(${fieldSql(field)}) AS name FROM otel_logs WHERE ${where(filter)} LIMIT ${u64(ROWS_MAX)}`,
    like,
    limit,
  );
}

/** Names that have `like` in them, those that begin with it first. */
export function namesSql(names: Sql, like: string, limit: number): Sql {
  const found =
    like === "" ? sql`name != ''` : sql`positionCaseInsensitiveUTF8(name, ${text(like)}) > 0`;
  const first = like === "" ? sql`''` : sql`positionCaseInsensitiveUTF8(name, ${text(like)}) != 1`;
  return sql`SELECT name, count() AS count FROM (${names}) WHERE ${found}
    GROUP BY name ORDER BY ${first}, count DESC, name LIMIT ${u64(limit)}`;
}
