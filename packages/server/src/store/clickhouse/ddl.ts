/** The DDL of the tables in `tables.ts`. */
import { type Engine, settingsClause } from "./engine.ts";
import { readRows, textCells } from "./select/rows.ts";
import { type Sql, sql, text } from "./sql.ts";
import { type ColumnSpec, type TableSpec, tables } from "./tables.ts";

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

/** However much of a table is damaged, the rest is opened: what cannot be loaded is set aside and counted. */
const openAnywaySettings = {
  max_suspicious_broken_parts: 1_000_000,
  max_suspicious_broken_parts_bytes: 1_000_000_000_000_000,
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
    return `  ${typed(column)}${codec}`;
  });
  const lines = [...columns, ...table.indices.map((index) => `  ${index}`)];
  const settings = Object.entries({
    ...durableSettings,
    ...openAnywaySettings,
    min_free_disk_bytes_to_perform_insert: options.minFreeBytes,
    // Our inserts are many and small at low rates: merge early instead of refusing.
    parts_to_delay_insert: 3000,
    parts_to_throw_insert: 10_000,
    // Buffers of columns grow as they are needed. At full size from the beginning they take 100 MiB a merge.
    min_columns_to_activate_adaptive_write_buffer: 1,
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

const typed = ({ name, type, alias }: ColumnSpec): string =>
  `\`${name}\` ${type}${alias === undefined ? "" : ` ALIAS ${alias}`}`;

/**
 * `ALTER` statements for columns and indices that a table made by another program, or an older version, lacks; of our own
 * store also for codecs that have changed since. Parts that are there keep what they have until they are merged.
 */
export async function missingParts(engine: Engine, database: string): Promise<string[]> {
  const columns = await namesIn(engine, sql`system.columns`, database);
  const indices = await namesIn(engine, sql`system.data_skipping_indices`, database);
  const isOwn = engine.kind === "embedded";
  const settings = isOwn ? await settingsMissing(engine, database) : new Set();
  const codecs = isOwn ? await codecsIn(engine, database) : new Map<string, string>();
  return tables.flatMap((table) => {
    const adds = [
      ...table.columns
        .filter((column) => !columns.has(`${table.name}/${column.name}`))
        .map((column) => `ADD COLUMN IF NOT EXISTS ${typed(column)}`),
      ...table.columns
        .filter(({ name, codec }) => {
          const known = codecs.get(`${table.name}/${name}`);
          return codec !== undefined && known !== undefined && known !== plainCodec(codec);
        })
        .map(({ name, codec }) => `MODIFY COLUMN \`${name}\` CODEC(${codec})`),
      // Parts that are there already get it when they are merged; until then they are read without it.
      ...table.indices
        .filter((index) => !indices.has(`${table.name}/${index.split(" ")[1]}`))
        .map((index) => `ADD ${index.replace("INDEX ", "INDEX IF NOT EXISTS ")}`),
      ...(settings.has(table.name) ? [`MODIFY SETTING ${settingsClause(openAnywaySettings)}`] : []),
    ];
    return adds.length === 0
      ? []
      : [`ALTER TABLE \`${database}\`.\`${table.name}\` ${adds.join(", ")}`];
  });
}

/** Tables of an older version, which may refuse to open when too much of them is damaged. */
async function settingsMissing(engine: Engine, database: string): Promise<ReadonlySet<string>> {
  const answer = await engine.select(
    sql`SELECT toString(name) AS table_name FROM system.tables WHERE database = ${text(database)} AND engine_full NOT LIKE '%max_suspicious_broken_parts_bytes%'`,
  );
  return new Set(readRows(answer, (block) => textCells(block, "table_name")));
}

/** The codec of each column that has one, by `table/name`. */
async function codecsIn(engine: Engine, database: string): Promise<ReadonlyMap<string, string>> {
  const answer = await engine.select(
    sql`SELECT toString(table) AS table_name, toString(name) AS column_name, compression_codec AS codec
        FROM system.columns WHERE database = ${text(database)} AND compression_codec != ''`,
  );
  const pairs = readRows(answer, (block) => {
    const table = textCells(block, "table_name");
    const column = textCells(block, "column_name");
    const codec = textCells(block, "codec");
    return (row) => [`${table(row)}/${column(row)}`, plainCodec(codec(row))] as const;
  });
  return new Map(pairs);
}

/** `CODEC(Delta(8), ZSTD(1))` as it was asked for: the engine adds the width of the type to all but `ZSTD`. */
function plainCodec(codec: string): string {
  const inside = codec.startsWith("CODEC(") ? codec.slice("CODEC(".length, -1) : codec;
  return inside.replaceAll(/(?<!ZSTD)\([^)]*\)/g, "");
}

/** `table/name` of what a system table lists. */
async function namesIn(engine: Engine, from: Sql, database: string): Promise<ReadonlySet<string>> {
  const { blocks } = await engine.select(
    sql`SELECT toString(table), toString(name) FROM ${from} WHERE database = ${text(database)}`,
  );
  const known = new Set<string>();
  for (const block of blocks) {
    const [table, name] = block.columns.map((column) => column.data);
    if (table?.kind !== "text" || name?.kind !== "text") continue;
    for (let row = 0; row < block.rows; row++) known.add(`${table.text(row)}/${name.text(row)}`);
  }
  return known;
}
