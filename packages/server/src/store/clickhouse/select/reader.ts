/** One client's question to the store: runs its selects under one signal and adds up what they read. */
import type { QueryMemory } from "../../../self/query-memory.ts";
import type { Engine, SelectOptions, SelectResult } from "../engine.ts";
import type { Sql } from "../sql.ts";

export interface Reader {
  select(query: Sql): Promise<SelectResult>;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

/**
 * `answersHeld` is how many answers the caller holds at a time: those before are given back to the account of memory.
 * All of them unless told.
 */
export function createReader(
  engine: Engine,
  options: Omit<SelectOptions, "memory"> & { readonly memory?: QueryMemory | undefined } = {},
  answersHeld = Number.POSITIVE_INFINITY,
): Reader {
  let rowsRead = 0;
  let bytesRead = 0;
  const { memory } = options;
  const held: number[] = [];
  return {
    async select(query) {
      let bytes = 0;
      const counted = memory && {
        take(more: number): void {
          memory.take(more);
          bytes += more;
        },
      };
      const answer = await engine.select(query, { ...options, memory: counted });
      held.push(bytes);
      if (held.length > answersHeld) memory?.give(held.shift() ?? 0);
      rowsRead += answer.rowsRead;
      bytesRead += answer.bytesRead;
      return answer;
    },
    get rowsRead() {
      return rowsRead;
    },
    get bytesRead() {
      return bytesRead;
    },
  };
}
