/**
 * Parts of tables that can no longer be read: a flipped bit, a file cut short. The engine sets aside what it cannot
 * load when it starts; damage inside a column shows only when that column is read, by a query or by a merge, and would
 * then fail every query over that time for ever. Such a part is checked, detached (its files stay under `detached/`),
 * counted and told; the query that found it is run again over what is left.
 */
import { TriptychError } from "@triptych/model";
import type { Engine, SelectOptions, SelectResult } from "./engine.ts";
import { numberCells, readRows, textCells } from "./select/rows.ts";
import { constant, type Sql, sql, text } from "./sql.ts";

/** What is set aside now, by the engine when it started or by us since then. */
export interface DamageStatus {
  readonly parts: number;
  readonly bytes: number;
}

export interface DamagedParts {
  /** The engine whose queries go around damaged parts. */
  readonly engine: Engine;
  status(): DamageStatus;
  /** Counts what lies aside, and looks for damage that merges have met. */
  look(): Promise<void>;
}

export interface DamagedPart {
  readonly table: string;
  readonly part: string;
}

/** One query may meet so many damaged parts before it is given up. */
const TRIES_MAX = 16;

export function createDamagedParts(deps: {
  readonly engine: Engine;
  readonly database: string;
  readonly onSetAside: (part: DamagedPart) => void;
}): DamagedParts {
  const { engine, database } = deps;
  let status: DamageStatus = { parts: 0, bytes: 0 };
  /** By path, so that queries which fail together wait for one check. */
  const running = new Map<string, Promise<boolean>>();

  const count = async (): Promise<void> => {
    // What merging leaves behind has other reasons; a part that we or a person detached has none.
    const answer = await engine.select(
      sql`SELECT count() AS parts, sum(bytes_on_disk) AS bytes FROM system.detached_parts WHERE database = ${text(database)} AND (reason = '' OR reason LIKE '%broken%' OR reason = 'noquorum' OR reason = 'unexpected')`,
    );
    const [found] = readRows(answer, (block) => {
      const parts = numberCells(block, "parts");
      const bytes = numberCells(block, "bytes");
      return (row) => ({ parts: parts(row), bytes: bytes(row) });
    });
    status = found ?? status;
  };
  const setAside = (path: string): Promise<boolean> => {
    const found = running.get(path);
    if (found !== undefined) return found;
    const started = checkAndDetach(engine, { database, path, onSetAside: deps.onSetAside })
      .then(async (gone) => {
        await count();
        return gone;
      })
      .finally(() => running.delete(path));
    running.set(path, started);
    return started;
  };

  return {
    engine: {
      ...engine,
      select: (query, options) => selectAround(engine, { query, options, setAside }),
    },
    status: () => status,
    async look() {
      for (const path of await pathsInErrors(engine)) await setAside(path);
      await count();
    },
  };
}

async function selectAround(
  engine: Engine,
  { query, options, setAside }: Attempt,
): Promise<SelectResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await engine.select(query, options);
    } catch (thrown) {
      const path = damagedPath(thrown);
      if (path === undefined || tries === TRIES_MAX || !(await setAside(path))) throw thrown;
    }
  }
}

interface Attempt {
  readonly query: Sql;
  readonly options: SelectOptions | undefined;
  readonly setAside: (path: string) => Promise<boolean>;
}

/** The part that the engine was reading when it failed, as a path ending in "/"; only if reading was what failed. */
export function damagedPath(thrown: unknown): string | undefined {
  if (!(thrown instanceof TriptychError) || thrown.code !== "store_failed") return undefined;
  return partPath(thrown.message);
}

function partPath(message: string): string | undefined {
  const from = /\(while reading from part (\/[^\n]{1,4000}?\/[0-9A-Za-z_]{1,200}\/) in table/;
  const file = /While reading or decompressing (\/[^\n]{1,4000}?\/[0-9A-Za-z_]{1,200}\/)[^/\n]* \(/;
  return (from.exec(message) ?? file.exec(message))?.[1];
}

/** Whether the part is gone from the table, so that asking again is worth it. */
async function checkAndDetach(
  engine: Engine,
  deps: {
    readonly database: string;
    readonly path: string;
    readonly onSetAside: (part: DamagedPart) => void;
  },
): Promise<boolean> {
  const answer = await engine.select(
    sql`SELECT toString(table) AS table_name, toString(name) AS part_name FROM system.parts WHERE database = ${text(deps.database)} AND path = ${text(deps.path)} AND active`,
  );
  const [found] = readRows(answer, (block) => {
    const table = textCells(block, "table_name");
    const part = textCells(block, "part_name");
    return (row): DamagedPart => ({ table: table(row), part: part(row) });
  });
  // Merged, dropped or set aside meanwhile.
  if (found === undefined) return true;
  if (await isWhole(engine, deps.database, found)) return false;
  await engine.execute(
    `ALTER TABLE \`${deps.database}\`.\`${found.table}\` DETACH PART '${found.part}'`,
  );
  deps.onSetAside(found);
  return true;
}

/** Reads every file of the part against its checksums. */
async function isWhole(engine: Engine, database: string, part: DamagedPart): Promise<boolean> {
  const name = constant(`\`${database}\`.\`${part.table}\` PART '${part.part}'`);
  const answer = await engine.select(
    sql`CHECK TABLE ${name} SETTINGS check_query_single_value_result = 0`,
  );
  return readRows(answer, (block) => numberCells(block, "is_passed")).every((one) => one === 1);
}

/** Parts that anything in the engine failed to read, merges included, by the last error of each kind. */
async function pathsInErrors(engine: Engine): Promise<ReadonlySet<string>> {
  const answer = await engine.select(
    sql`SELECT last_error_message FROM system.errors WHERE last_error_message LIKE '%While reading%' OR last_error_message LIKE '%while reading from part%'`,
  );
  const messages = readRows(answer, (block) => textCells(block, "last_error_message"));
  const paths = messages.map(partPath);
  return new Set(paths.filter((path) => path !== undefined));
}
