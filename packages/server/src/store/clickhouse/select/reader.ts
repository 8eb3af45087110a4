/** One client's question to the store: runs its selects under one signal and adds up what they read. */
import type { Engine, SelectOptions, SelectResult } from "../engine.ts";
import type { Sql } from "../sql.ts";

export interface Reader {
  select(query: Sql): Promise<SelectResult>;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

export function createReader(engine: Engine, options: SelectOptions = {}): Reader {
  let rowsRead = 0;
  let bytesRead = 0;
  return {
    async select(query) {
      const answer = await engine.select(query, options);
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
