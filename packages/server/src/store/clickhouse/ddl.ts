/** The DDL of the tables in `tables.ts`, for one server or a cluster. */
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
  /** Name of the cluster; absent for one server. */
  readonly cluster?: string | undefined;
}

export function createStatements(options: DdlOptions): string[] {
  return tables.map((table) => createTable(table, options));
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
  const onCluster = options.cluster === undefined ? "" : ` ON CLUSTER '${options.cluster}'`;
  const engine =
    options.cluster === undefined
      ? table.engine
      : table.engine.replace("MergeTree", "MergeTree").replace(/^/, "Replicated");
  return [
    `CREATE TABLE IF NOT EXISTS \`${options.database}\`.\`${table.name}\`${onCluster} (`,
    lines.join(",\n"),
    `) ENGINE = ${engine}`,
    `PARTITION BY ${table.partitionBy}`,
    `ORDER BY ${table.orderBy}`,
    `SETTINGS ${settings.map(([name, value]) => `${name} = ${value}`).join(", ")}`,
  ].join("\n");
}
