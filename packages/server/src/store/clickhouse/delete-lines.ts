/**
 * Deletes lines of `otel_logs`: those that conditions describe, or those that are named. Day by day, as each statement
 * rewrites no more than which rows of a day's parts are there.
 */
import type { Engine } from "./engine.ts";
import { type LogCondition, logConditions, type LogRange, logRange } from "./select/logs-filter.ts";
import { numberCells, readRows } from "./select/rows.ts";
import { constant, type Sql, sql, text } from "./sql.ts";
import { logs } from "./tables.ts";

export interface LinesFilter {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

/** A day as `20231114`, and how many lines of it the filter finds. */
export interface DayOfLines {
  readonly day: number;
  readonly lines: number;
}

export interface LineName {
  readonly writer: number;
  readonly seq: bigint;
  readonly n: number;
}

/** Each name takes some 30 bytes of a statement, which may have 4 MiB. */
export const NAMES_PER_STATEMENT = 50_000;

export async function daysOfLines(
  engine: Engine,
  { range, conditions }: LinesFilter,
  signal?: AbortSignal,
): Promise<DayOfLines[]> {
  const result = await engine.select(
    sql`SELECT toYYYYMMDD(Timestamp, 'UTC') AS day, count() AS lines FROM ${constant(logs.name)}
      WHERE ${logRange(range)} AND ${logConditions(conditions)} GROUP BY day ORDER BY day`,
    { signal },
  );
  return readRows(result, (block) => {
    const day = numberCells(block, "day");
    const lines = numberCells(block, "lines");
    return (row) => ({ day: day(row), lines: lines(row) });
  });
}

/** Resolves when the lines can no longer be read. */
export async function deleteLines(
  engine: Engine,
  day: number,
  { range, conditions }: LinesFilter,
): Promise<void> {
  await engine.execute(
    sql`DELETE FROM ${constant(logs.name)} IN PARTITION ${digits(day)}
      WHERE ${logRange(range)} AND ${logConditions(conditions)}`,
  );
}

/** Resolves when the named lines can no longer be read; at most `NAMES_PER_STATEMENT`. */
export async function deleteNamedLines(
  engine: Engine,
  day: number,
  names: readonly LineName[],
): Promise<void> {
  if (names.length === 0) return;
  // As one text: a list of so many tuples would take the engine a hundred times as long to read.
  const list = `[${names.map(({ writer, seq, n }) => `(${writer},${seq},${n})`).join(",")}]`;
  await engine.execute(
    sql`DELETE FROM ${constant(logs.name)} IN PARTITION ${digits(day)}
      WHERE (_w, _seq, _n) IN CAST(${text(list)}, 'Array(Tuple(UInt32, UInt64, UInt32))')`,
  );
}

const digits = (day: number): Sql => constant(BigInt(day).toString());
