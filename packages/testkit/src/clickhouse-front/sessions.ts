/** chDB sessions for the front: statements with parameters in ClickHouse's own text form. */
import { createRequire } from "node:module";

export interface FrontAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

export interface FrontQuery {
  readonly text: string;
  readonly database: string | undefined;
  readonly format: string;
  /** Name and value as they stand in the address. */
  readonly params: ReadonlyMap<string, string>;
}

interface ChdbResult {
  bytes(): Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
}
interface ChdbSession {
  queryAsync(text: string, options: { format: string }): Promise<ChdbResult>;
  close(): void;
}

export interface FrontSessions {
  run(query: FrontQuery): Promise<FrontAnswer>;
  close(): void;
}

export const quoted = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

export function openSessions(path: string, count: number): FrontSessions {
  const { Session } = createRequire(import.meta.url)("chdb") as {
    Session: new (path: string) => ChdbSession;
  };
  const all = Array.from({ length: count }, () => new Session(path));
  const free = [...all];
  const waiting: ((session: ChdbSession) => void)[] = [];
  const take = (): Promise<ChdbSession> => {
    const session = free.pop();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve) => waiting.push(resolve));
  };
  const give = (session: ChdbSession): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(session);
    else next(session);
  };
  return {
    async run({ text, database, format, params }) {
      const session = await take();
      try {
        const set = (statement: string) => session.queryAsync(statement, { format: "Null" });
        if (database !== undefined) await set(`USE ${database}`);
        for (const [name, value] of params) await set(`SET param_${name} = ${quoted(value)}`);
        const result = await session.queryAsync(text, { format });
        return { bytes: result.bytes(), rowsRead: result.rowsRead, bytesRead: result.bytesRead };
      } finally {
        give(session);
      }
    },
    close: () => {
      for (const session of all) session.close();
    },
  };
}
