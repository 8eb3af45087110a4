/** What the two ways to reach ClickHouse have in common. Everything to the right of this file is the same for both. */
import type { NativeBlock } from "@triptych/wire";
import type { Priority } from "../../self/priority-line.ts";
import type { QueryMemory } from "../../self/query-memory.ts";
import type { Sql } from "./sql.ts";
import { tables } from "./tables.ts";

export interface SelectOptions {
  /** Stops the query in the engine, not only the waiting. */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Who gets a reader first; `interactive` unless told. */
  readonly priority?: Priority | undefined;
  /** The bytes of the answer are taken from here. */
  readonly memory?: Pick<QueryMemory, "take"> | undefined;
}

export interface SelectResult {
  readonly blocks: readonly NativeBlock[];
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

export interface InsertOptions {
  readonly table: string;
  /** SQL over the block's columns, from `tables.ts`. */
  readonly select: string;
  readonly group?: string | undefined;
  /** Name and type of the block's columns. */
  readonly structure: readonly (readonly [name: string, type: string])[];
}

export interface Engine {
  readonly kind: "embedded" | "remote";
  /** Read-only, limited, cancellable. */
  select(query: Sql, options?: SelectOptions): Promise<SelectResult>;
  /** Inserts Native blocks as one part. One call at a time per engine. */
  insert(options: InsertOptions, blocks: readonly Uint8Array[]): Promise<void>;
  /**
   * A statement of ours that changes something: DDL and partitions as text, deletes with values from outside as `Sql`,
   * which binds them. Statements run one after another, and no query waits for them. `outside` runs it without naming
   * our database, which may not exist yet.
   */
  execute(statement: string | Sql, options?: { readonly outside?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** Names of indices, as the engine reads a list of them: all but the index of words. */
const mergedIndices = tables
  .flatMap(({ indices }) => indices)
  .filter((index) => !index.includes(" TYPE text"))
  .map((index) => index.split(" ")[1] ?? "")
  .filter((name, i, all) => all.indexOf(name) === i)
  .join(", ");

/** One insert must become one part: no splitting by size, no parallel parsing, no deduplication, no waiting queue. */
export const insertSettings: { readonly [name: string]: number | string } = {
  async_insert: 0,
  input_format_parallel_parsing: 0,
  max_threads: 1,
  max_insert_threads: 1,
  max_block_size: 4_194_304,
  max_insert_block_size: 4_194_304,
  min_insert_block_size_rows: 4_194_304,
  min_insert_block_size_bytes: 4_294_967_296,
  max_partitions_per_insert_block: 1,
  insert_deduplicate: 0,
  optimize_on_insert: 0,
  // Other indices are built when parts are merged, as they must be then anyway: each is two files to write and sync for
  // every insert, and of what is new there is little to scan. The index of words is not left for then: merging makes
  // one out of those of the parts, but has to hold a whole part's words in memory where there is none.
  exclude_materialize_skip_indexes_on_insert: mergedIndices,
  prefer_column_name_to_alias: 1,
};

export function quoteText(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

export function settingsClause(settings: { readonly [name: string]: number | string }): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${typeof value === "string" ? quoteText(value) : value}`)
    .join(", ");
}

export function structureText(structure: InsertOptions["structure"]): string {
  return structure.map(([name, type]) => `${name} ${type}`).join(", ");
}
