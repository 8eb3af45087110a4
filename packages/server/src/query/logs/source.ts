/** Log lines, their counts and labels from the store; rows become objects in small pieces of work. */
import type { LogLevel } from "@triptych/contract";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import {
  arrivedHeadsSql,
  arrivedLinesSql,
  type Head,
  labelValuesSql,
  levelCountsSql,
  lineCells,
  type LinesQuery,
  linesSql,
  newestRecordsSql,
  resourceKeysSql,
  type Seen,
  serviceCountsSql,
  type StoredLine,
  streamsSql,
} from "../../store/clickhouse/select/logs.ts";
import type {
  LogCondition,
  LogField,
  LogRange,
} from "../../store/clickhouse/select/logs-filter.ts";
import {
  bigintCells,
  numberCells,
  type Entry,
  mapCells,
  readRows,
  textCells,
} from "../../store/clickhouse/select/rows.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";
import type { Priority } from "../../self/priority-line.ts";
import type { QueryMemory } from "../../self/query-memory.ts";
import { createPacing } from "../pacing.ts";
import { asPatternError } from "../../regex/regex.ts";

export type { Head, LinesQuery, Seen, StoredLine } from "../../store/clickhouse/select/logs.ts";
export type {
  LogCondition,
  LogField,
  LogRange,
} from "../../store/clickhouse/select/logs-filter.ts";

export interface LogAsk {
  readonly signal?: AbortSignal | undefined;
  /** Who goes first where several wait; `interactive` unless told. */
  readonly priority?: Priority | undefined;
  /** Where what the question holds is taken from. */
  readonly memory?: QueryMemory | undefined;
  readonly cost?: { rowsRead: number; bytesRead: number } | undefined;
}

export interface LogFilter {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

export interface ArrivedHead extends Head {
  /** Lines that match. */
  readonly matching: number;
}

export interface LogSource {
  lines(query: LinesQuery, ask: LogAsk): Promise<StoredLine[]>;
  levelCounts(
    filter: LogFilter,
    steps: { readonly fromMs: number; readonly stepMs: number },
    ask: LogAsk,
  ): Promise<{ step: number; level: LogLevel; lines: number }[]>;
  serviceCounts(
    filter: LogFilter,
    limit: number,
    ask: LogAsk,
  ): Promise<{ service: string; lines: number; errors: number }[]>;
  /** Those of `keys` that some line's resource has; `null` when there is no line at all. */
  resourceKeys(filter: LogFilter, keys: readonly string[], ask: LogAsk): Promise<string[] | null>;
  /** Values of a field; sorted, without the empty one. */
  values(filter: LogFilter, field: LogField, ask: LogAsk): Promise<string[]>;
  /** Distinct streams, with those attributes of their resource that are labels. */
  streams(
    filter: LogFilter,
    keys: readonly string[],
    ask: LogAsk,
  ): Promise<{ service: string; schema: string; attributes: Entry[] }[]>;
  /** Newest record of each writer, of lines since `sinceNs`. */
  newest(sinceNs: bigint, ask: LogAsk): Promise<Map<number, bigint>>;
  arrivedHeads(
    seen: Seen,
    conditions: readonly LogCondition[],
    ask: LogAsk,
  ): Promise<ArrivedHead[]>;
  arrivedLines(
    what: { readonly seen: Seen; readonly heads: readonly Head[] },
    query: { readonly conditions: readonly LogCondition[]; readonly limit: number },
    ask: LogAsk,
  ): Promise<StoredLine[]>;
}

const VALUES_MAX = 10_000;
const STREAMS_MAX = 10_000;
const LINES_PER_PIECE = 16;

export function createLogSource(engine: Engine): LogSource {
  const select = async (query: Sql, { signal, cost }: LogAsk): Promise<SelectResult> => {
    try {
      const result = await engine.select(query, { signal });
      if (cost !== undefined) {
        cost.rowsRead += result.rowsRead;
        cost.bytesRead += result.bytesRead;
      }
      return result;
    } catch (error) {
      throw asPatternError(error);
    }
  };
  return {
    lines: async (query, ask) => readLines(await select(linesSql(query), ask), ask),
    ...counts(select),
    ...labels(select),
    async newest(sinceNs, ask) {
      const result = await select(newestRecordsSql(sinceNs), ask);
      const rows = readRows(result, (block) => {
        const writer = numberCells(block, "writer");
        const head = bigintCells(block, "head");
        return (row) => [writer(row), head(row)] as const;
      });
      return new Map(rows);
    },
    async arrivedHeads(seen, conditions, ask) {
      return readRows(await select(arrivedHeadsSql(seen, conditions), ask), (block) => {
        const writer = numberCells(block, "writer");
        const day = numberCells(block, "day");
        const head = bigintCells(block, "head");
        const matching = numberCells(block, "matching");
        return (row) => ({
          writer: writer(row),
          day: day(row),
          seq: head(row),
          matching: matching(row),
        });
      });
    },
    arrivedLines: async ({ seen, heads }, query, ask) =>
      readLines(await select(arrivedLinesSql(seen, heads, query), ask), ask),
  };
}

type Select = (query: Sql, ask: LogAsk) => Promise<SelectResult>;

function counts(select: Select): Pick<LogSource, "levelCounts" | "serviceCounts"> {
  return {
    async levelCounts(filter, steps, ask) {
      return readRows(await select(levelCountsSql(filter, steps), ask), (block) => {
        const step = numberCells(block, "step");
        const level = textCells(block, "level");
        const lines = numberCells(block, "lines");
        return (row) => ({ step: step(row), level: level(row) as LogLevel, lines: lines(row) });
      });
    },
    async serviceCounts(filter, limit, ask) {
      return readRows(await select(serviceCountsSql(filter, limit), ask), (block) => {
        const service = textCells(block, "service");
        const lines = numberCells(block, "lines");
        const errors = numberCells(block, "errors");
        return (row) => ({ service: service(row), lines: lines(row), errors: errors(row) });
      });
    },
  };
}

function labels(select: Select): Pick<LogSource, "resourceKeys" | "values" | "streams"> {
  return {
    async resourceKeys(filter, keys, ask) {
      const result = await select(resourceKeysSql(filter, keys), ask);
      const found = readRows(result, (block) => textCells(block, "attribute"));
      return found.length === 0 ? null : found.filter((key) => key !== "");
    },
    async values(filter, field, ask) {
      const result = await select(labelValuesSql(filter, field, VALUES_MAX), ask);
      const found = readRows(result, (block) => textCells(block, "value"));
      return found.filter((value) => value !== "").sort();
    },
    async streams(filter, keys, ask) {
      return readRows(await select(streamsSql(filter, keys, STREAMS_MAX), ask), (block) => {
        const service = textCells(block, "service");
        const schema = textCells(block, "schema");
        const attributes = mapCells(block, "found");
        return (row) => ({
          service: service(row),
          schema: schema(row),
          attributes: attributes(row),
        });
      });
    },
  };
}

async function readLines(result: SelectResult, ask: LogAsk): Promise<StoredLine[]> {
  const pacing = createPacing(ask.signal);
  const out: StoredLine[] = [];
  for (const block of result.blocks) {
    if (block.rows === 0) continue;
    const cell = lineCells(block);
    for (let row = 0; row < block.rows; row++) {
      out.push(cell(row));
      if (row % LINES_PER_PIECE === 0) await pacing.pause();
    }
  }
  return out;
}
