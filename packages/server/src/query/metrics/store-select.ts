/** Asking the store for metric data: what a question may cost, who waits, and how it goes wrong. */
import { asPatternError } from "../../regex/regex.ts";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import type { Priority } from "../../self/priority-line.ts";
import type { QueryMemory } from "../../self/query-memory.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";

/** What a question may cost, and who waits for it. Rows and bytes read are added to `cost`. */
export interface Ask {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Who goes first where several wait; `interactive` unless told. */
  readonly priority?: Priority | undefined;
  /** Where what the question holds is taken from. */
  readonly memory?: QueryMemory | undefined;
  readonly cost?: { rowsRead: number; bytesRead: number } | undefined;
}

export type Select = (query: Sql, ask: Ask | undefined) => Promise<SelectResult>;

export function createSelect(engine: Engine): Select {
  return async (query, ask = {}) => {
    try {
      const { signal, timeoutMs, priority, memory } = ask;
      const result = await engine.select(query, { signal, timeoutMs, priority, memory });
      if (ask.cost !== undefined) {
        ask.cost.rowsRead += result.rowsRead;
        ask.cost.bytesRead += result.bytesRead;
      }
      return result;
    } catch (error) {
      throw asPatternError(error);
    }
  };
}

export function* chunksOf(ids: readonly bigint[], size: number): Generator<readonly bigint[]> {
  for (let at = 0; at < ids.length; at += size) yield ids.slice(at, at + size);
}
