/** The DDL of the tables in `tables.ts`. */
import type { Engine } from "./engine.ts";
import { sql, text } from "./sql.ts";
import { type TableSpec, tables } from "./tables.ts";

/**
 * The journal forgets a record when the store has it, so the store must be power-safe itself: parts are synced when
 * they are written and when they are merged, and merged-away parts stay until then. The defaults do none of this.
 */
const durableSettings = {
  fsync_after_insert: 1,
  fsync_part_directory: 1,
  min_rows_to_fsync_after_merge: 1,
  min_compressed_bytes_to_fsync_after_merge: 1,
  old_parts_lifetime: 480,
} as const;

export interface DdlOptions {
  readonly database: string;
  /** Inserts are refused when less than this is free, while partitions can still be dropped. */
  readonly minFreeBytes: number;
}

export function createStatements(options: DdlOptions): string[] {
  return tables.map((table) => createTable(table, options));
}

export function createDatabase(database: string): string {
  return `CREATE DATABASE IF NOT EXISTS \`${database}\``;
}

export function createTable(table: TableSpec, options: DdlOptions): string {
  const columns = table.columns.map((column) => {
    const codec = column.codec === undefined ? "" : ` CODEC(${column.codec})`;
    return `  \`${column.name}\` ${column.type}${codec}`;
  });
  const lines = [...columns, ...table.indices.map((index) => `  ${index}`)];
  const settings = Object.entries({
    ...durableSettings,
    min_free_disk_bytes_to_perform_insert: options.minFreeBytes,
    // Our inserts are many and small at low rates: merge early instead of refusing.
    parts_to_delay_insert: 3000,
    parts_to_throw_insert: 10_000,
  });
  return [
    `CREATE TABLE IF NOT EXISTS \`${options.database}\`.\`${table.name}\` (`,
    lines.join(",\n"),
    `) ENGINE = ${table.engine}`,
    `PARTITION BY ${table.partitionBy}`,
    `ORDER BY ${table.orderBy}`,
    `SETTINGS ${settings.map(([name, value]) => `${name} = ${value}`).join(", ")}`,
  ].join("\n");
}

/** `ALTER` statements for columns that a table made by another program, or an older version, lacks. */
export async function missingColumns(engine: Engine, database: string): Promise<string[]> {
  const { blocks } = await engine.select(
    sql`SELECT toString(table), toString(name) FROM system.columns WHERE database = ${text(database)}`,
  );
  const known = new Set<string>();
  for (const block of blocks) {
    const [table, name] = block.columns.map((column) => column.data);
    if (table?.kind !== "text" || name?.kind !== "text") continue;
    for (let row = 0; row < block.rows; row++) known.add(`${table.text(row)}/${name.text(row)}`);
  }
  return tables.flatMap((table) => {
    const missing = table.columns.filter((column) => !known.has(`${table.name}/${column.name}`));
    if (missing.length === 0) return [];
    const adds = missing.map(
      (column) => `ADD COLUMN IF NOT EXISTS \`${column.name}\` ${column.type}`,
    );
    return [`ALTER TABLE \`${database}\`.\`${table.name}\` ${adds.join(", ")}`];
  });
}
