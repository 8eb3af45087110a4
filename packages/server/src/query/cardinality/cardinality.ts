/**
 * What the series cost: which names and labels have most of them, what is new, how many samples and bytes. Questions
 * read all labels of a day or more, so answers are kept for a while and asked for once at a time.
 */
import type { Clock } from "@triptych/model";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import {
  type CardinalityRange,
  metricBytesSql,
  newByNameSql,
  newByTimeSql,
  samplePartsSql,
  samplesByNameSql,
  sampleTimesSql,
  seriesByNameSql,
  seriesByPairSql,
  totalsSql,
  valuesByLabelSql,
} from "../../store/clickhouse/select/cardinality.ts";
import { numberCells, readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";
import type { Ask } from "../metrics/source.ts";

export type { CardinalityRange } from "../../store/clickhouse/select/cardinality.ts";

export interface Counted {
  readonly name: string;
  readonly count: number;
}

export interface CardinalityReport {
  readonly series: number;
  readonly names: number;
  readonly labels: number;
  readonly pairs: number;
  readonly byName: readonly Counted[];
  /** Distinct values of a label; `bytes` is the length of those values together. */
  readonly byLabel: readonly (Counted & { readonly bytes: number; readonly series: number })[];
  readonly byPair: readonly {
    readonly label: string;
    readonly value: string;
    readonly count: number;
  }[];
}

export interface Churn {
  readonly stepMs: number;
  /** New series in each step from the start of the range. */
  readonly counts: readonly number[];
  readonly total: number;
  readonly byName: readonly Counted[];
}

export interface TableBytes {
  readonly name: string;
  readonly bytes: number;
  readonly rows: number;
}

export interface SamplePart {
  readonly name: string;
  readonly level: number;
  readonly rows: number;
  readonly bytes: number;
  /** 20261121. */
  readonly day: number;
}

export interface Cardinality {
  report(range: CardinalityRange, limit: number, ask?: Ask): Promise<CardinalityReport>;
  churn(range: CardinalityRange, limit: number, ask?: Ask): Promise<Churn>;
  samplesByName(range: CardinalityRange, limit: number, ask?: Ask): Promise<readonly Counted[]>;
  /** Exact, by the store's own account of its files. */
  bytes(ask?: Ask): Promise<readonly TableBytes[]>;
  /** Of the oldest and newest sample; both 0 when there is none. */
  sampleTimes(ask?: Ask): Promise<{ readonly firstMs: number; readonly lastMs: number }>;
  parts(limit: number, ask?: Ask): Promise<readonly SamplePart[]>;
}

/** Long enough for a page that is looked at, short enough to see a change. */
const KEPT_MS = 15_000;
const ANSWERS_KEPT = 32;
const MINUTE_MS = 60_000;
/** Steps over time that people read; the first that gives no more than so many columns is taken. */
const STEPS_MINUTES = [1, 5, 15, 60, 180, 360, 1440] as const;
const STEPS_MAX = 60;
/** Ranges that differ by less are the same question. */
const RANGE_GRAIN_MS = 60_000;

export function createCardinality(engine: Engine, clock: Clock): Cardinality {
  const kept = createKept(clock);
  const rows = async <T>(
    query: Sql,
    ask: Ask,
    read: Parameters<typeof readRows<T>>[1],
  ): Promise<T[]> => {
    const result: SelectResult = await engine.select(query, { timeoutMs: ask.timeoutMs });
    if (ask.cost !== undefined) {
      ask.cost.rowsRead += result.rowsRead;
      ask.cost.bytesRead += result.bytesRead;
    }
    return readRows(result, read);
  };
  const counted = (query: Sql, ask: Ask): Promise<Counted[]> =>
    rows(query, ask, (block) => {
      const name = textCells(block, "name");
      const count = numberCells(block, "count");
      return (row) => ({ name: name(row), count: count(row) });
    });
  return {
    report: (range, limit, ask = {}) =>
      kept(`report ${grain(range)} ${limit}`, () =>
        report({ rows, counted }, { range, limit, ask }),
      ),
    churn: (range, limit, ask = {}) =>
      kept(`churn ${grain(range)} ${limit}`, () => churn({ rows, counted }, { range, limit, ask })),
    samplesByName: (range, limit, ask = {}) =>
      kept(`samples ${grain(range)} ${limit}`, () => counted(samplesByNameSql(range, limit), ask)),
    bytes: (ask = {}) =>
      kept("bytes", () =>
        rows(metricBytesSql(), ask, (block) => {
          const name = textCells(block, "table_name");
          const bytes = numberCells(block, "bytes_all");
          const count = numberCells(block, "rows_all");
          return (row) => ({ name: name(row), bytes: bytes(row), rows: count(row) });
        }),
      ),
    sampleTimes: (ask = {}) =>
      kept("times", async () => {
        const [times] = await rows(sampleTimesSql(), ask, (block) => {
          const first = numberCells(block, "first");
          const last = numberCells(block, "last");
          return (row) => ({ firstMs: first(row), lastMs: last(row) });
        });
        return times ?? { firstMs: 0, lastMs: 0 };
      }),
    parts: (limit, ask = {}) =>
      rows(samplePartsSql(limit), ask, (block) => {
        const name = textCells(block, "name");
        const day = textCells(block, "day");
        const [level, count, bytes] = ["level", "rows", "bytes"].map((column) =>
          numberCells(block, column),
        ) as [(row: number) => number, (row: number) => number, (row: number) => number];
        return (row) => ({
          name: name(row),
          level: level(row),
          rows: count(row),
          bytes: bytes(row),
          day: Number(day(row)),
        });
      }),
  };
}

function grain({ fromMs, toMs }: CardinalityRange): string {
  return `${Math.floor(fromMs / RANGE_GRAIN_MS)} ${Math.floor(toMs / RANGE_GRAIN_MS)}`;
}

interface Reads {
  rows<T>(query: Sql, ask: Ask, read: Parameters<typeof readRows<T>>[1]): Promise<T[]>;
  counted(query: Sql, ask: Ask): Promise<Counted[]>;
}

interface Wanted {
  readonly range: CardinalityRange;
  readonly limit: number;
  readonly ask: Ask;
}

async function report(reads: Reads, { range, limit, ask }: Wanted): Promise<CardinalityReport> {
  const [totals] = await reads.rows(totalsSql(range), ask, (block) => {
    const [series, names, labels, pairs] = ["series", "names", "labels", "pairs"].map((column) =>
      numberCells(block, column),
    );
    return (row) => ({
      series: series?.(row) ?? 0,
      names: names?.(row) ?? 0,
      labels: labels?.(row) ?? 0,
      pairs: pairs?.(row) ?? 0,
    });
  });
  const byLabel = await reads.rows(valuesByLabelSql(range, limit), ask, (block) => {
    const name = textCells(block, "name");
    const [count, bytes, series] = ["count", "bytes", "series"].map((column) =>
      numberCells(block, column),
    );
    return (row) => ({
      name: name(row),
      count: count?.(row) ?? 0,
      bytes: bytes?.(row) ?? 0,
      series: series?.(row) ?? 0,
    });
  });
  const byPair = await reads.rows(seriesByPairSql(range, limit), ask, (block) => {
    const label = textCells(block, "label");
    const value = textCells(block, "value");
    const count = numberCells(block, "count");
    return (row) => ({ label: label(row), value: value(row), count: count(row) });
  });
  const byName = await reads.counted(seriesByNameSql(range, limit), ask);
  const none = { series: 0, names: 0, labels: 0, pairs: 0 };
  return { ...none, ...totals, byName, byLabel, byPair };
}

async function churn(reads: Reads, { range, limit, ask }: Wanted): Promise<Churn> {
  const spanMs = Math.max(1, range.toMs - range.fromMs);
  const fits = (minutes: number): boolean => spanMs <= minutes * MINUTE_MS * STEPS_MAX;
  const days = Math.ceil(spanMs / 86_400_000 / STEPS_MAX);
  const stepMs = (STEPS_MINUTES.find(fits) ?? 1440 * days) * MINUTE_MS;
  const steps = await reads.rows(newByTimeSql(range, stepMs), ask, (block) => {
    const step = numberCells(block, "step");
    const count = numberCells(block, "count");
    return (row) => ({ step: step(row), count: count(row) });
  });
  const counts = new Array<number>(Math.ceil(spanMs / stepMs)).fill(0);
  for (const { step, count } of steps) if (step >= 0 && step < counts.length) counts[step] = count;
  const total = steps.reduce((sum, { count }) => sum + count, 0);
  return { stepMs, counts, total, byName: await reads.counted(newByNameSql(range, limit), ask) };
}

/** The same question within a while gets the same answer; one that fails is forgotten. */
function createKept(clock: Clock): <T>(key: string, ask: () => Promise<T>) => Promise<T> {
  const answers = new Map<
    string,
    { readonly untilMs: number; readonly answer: Promise<unknown> }
  >();
  return <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(key);
    const nowMs = clock.monotonicMs();
    if (known !== undefined && known.untilMs > nowMs) return known.answer as Promise<T>;
    const answer = ask();
    answers.delete(key);
    answers.set(key, { untilMs: nowMs + KEPT_MS, answer });
    const [oldest] = answers.keys();
    if (answers.size > ANSWERS_KEPT && oldest !== undefined) answers.delete(oldest);
    answer.catch(() => {
      if (answers.get(key)?.answer === answer) answers.delete(key);
    });
    return answer;
  };
}
