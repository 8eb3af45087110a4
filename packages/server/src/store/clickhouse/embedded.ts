/**
 * ClickHouse in this process: one session writes, some read, one controls. Readers are set to read-only with limits
 * that they cannot lift; a query that must stop is killed from the control session, because leaving it alone would
 * keep a reader busy.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { TriptychError } from "@triptych/model";
import { readNativeBlocks } from "@triptych/wire";
import { type ChdbSession, openChdbSession } from "./chdb-session.ts";
import {
  type Engine,
  type InsertOptions,
  insertSettings,
  quoteText,
  type SelectOptions,
  type SelectResult,
  settingsClause,
  structureText,
} from "./engine.ts";
import { selectFailure, writeFailure } from "./failure.ts";
import { createReaderPool } from "./reader-pool.ts";
import { parameterSettings, type Sql, statement } from "./sql.ts";

export interface EmbeddedOptions {
  readonly directory: string;
  readonly readers: number;
  /** Queries that may wait for a reader. */
  readonly queueMax: number;
  readonly memoryBytesMax: number;
  readonly queryTimeoutMs: number;
}

const MiB = 1024 * 1024;

export async function openEmbedded(options: EmbeddedOptions): Promise<Engine> {
  const path = `${options.directory}/clickhouse`;
  const spool = `${options.directory}/spool`;
  rmSync(spool, { recursive: true, force: true });
  mkdirSync(spool, { recursive: true });
  const sessions: ChdbSession[] = [];
  const open = (): ChdbSession => {
    const session = openSession(path, options);
    sessions.push(session);
    return session;
  };
  const writer = open();
  const control = open();
  // Deletes may take long, and queries that must stop are killed meanwhile.
  const changer = open();
  const readers = await Promise.all(
    Array.from({ length: options.readers }, () => openReader(open(), options)),
  );
  await writer.query("CREATE DATABASE IF NOT EXISTS triptych");
  await Promise.all([writer, control, changer].map((session) => session.query("USE triptych")));
  await changer.query(`SET max_query_size=${4 * MiB}`);
  for (const reader of readers) await reader.query("USE triptych");
  const pool = createReaderPool(readers, options.queueMax);
  let closed = false;

  return {
    kind: "embedded",
    async select(query, selectOptions = {}) {
      const reader = await pool.take(selectOptions);
      try {
        return await runSelect(
          { reader, control, timeoutMs: options.queryTimeoutMs },
          query,
          selectOptions,
        );
      } finally {
        pool.give(reader);
      }
    },
    async insert(insert, blocks) {
      const file = `${spool}/${randomUUID()}.native`;
      try {
        await writeFile(file, blocks);
        await writer.query(insertText(insert, file));
      } catch (error) {
        throw writeFailure(insert.table, error);
      } finally {
        rmSync(file, { force: true });
      }
    },
    async execute(change) {
      if (typeof change === "string") return void (await changer.query(change));
      const { text, params } = statement(change);
      const values = parameterSettings(params);
      await changer.query(...(values === undefined ? [text] : [values, text]));
    },
    async close() {
      if (closed) return;
      closed = true;
      // Nobody waits for what still runs, or will not for long.
      await control.query("KILL QUERY WHERE query LIKE '/*tq:%' ASYNC").catch(() => {});
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}

function openSession(path: string, options: EmbeddedOptions): ChdbSession {
  try {
    return openChdbSession(path, [
      `--max_server_memory_usage=${Math.floor(options.memoryBytesMax)}`,
      "--background_pool_size=2",
      "--background_schedule_pool_size=4",
      "--background_fetches_pool_size=1",
      "--background_move_pool_size=1",
      "--background_common_pool_size=2",
      `--mark_cache_size=${Math.min(64 * MiB, Math.floor(options.memoryBytesMax / 16))}`,
      `--uncompressed_cache_size=${Math.min(32 * MiB, Math.floor(options.memoryBytesMax / 16))}`,
    ]);
  } catch (cause) {
    if (cause instanceof TriptychError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot open the store in ${path}: ${reason}. Another process may have it open, or it cannot be read and written by this user`;
    throw new TriptychError("data_dir_unusable", message, { cause });
  }
}

const QUERY_NICE = 7;

/** Limits first, then read-only: after that not even our own statements can change them. */
async function openReader(session: ChdbSession, options: EmbeddedOptions): Promise<ChdbSession> {
  const limits = {
    max_execution_time: Math.ceil(options.queryTimeoutMs / 1000),
    max_memory_usage: Math.floor(options.memoryBytesMax / 4),
    max_query_size: 4 * MiB,
    max_bytes_before_external_group_by: Math.floor(options.memoryBytesMax / 8),
    max_bytes_before_external_sort: Math.floor(options.memoryBytesMax / 8),
    allow_experimental_time_series_aggregate_functions: 1,
    allow_experimental_ts_to_grid_aggregate_function: 1,
    prefer_column_name_to_alias: 1,
    // Where the system lets us: taking data in and rules have the processors first, queries what is left of them.
    os_threads_nice_value_query: QUERY_NICE,
  };
  await session.query(`SET ${settingsClause(limits)}`);
  await session.query("SET readonly=1");
  return session;
}

async function runSelect(
  sessions: { reader: ChdbSession; control: ChdbSession; timeoutMs: number },
  query: Sql,
  options: SelectOptions,
): Promise<SelectResult> {
  const { text, params } = statement(query);
  const mark = `/*tq:${randomUUID()}*/`;
  let stopped: "query_cancelled" | "query_timeout" | undefined;
  const kill = (reason: "query_cancelled" | "query_timeout"): void => {
    stopped = reason;
    sessions.control.query(`KILL QUERY WHERE query LIKE '${mark}%' ASYNC`).catch(() => {});
  };
  const onAbort = (): void => kill("query_cancelled");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => kill("query_timeout"), options.timeoutMs ?? sessions.timeoutMs);
  try {
    const values = parameterSettings(params);
    const texts = values === undefined ? [mark + text] : [values, mark + text];
    const answer = await sessions.reader.query(...texts);
    options.memory?.take(answer.bytes.length);
    return {
      blocks: readNativeBlocks(answer.bytes),
      rowsRead: answer.rowsRead,
      bytesRead: answer.bytesRead,
      elapsedMs: answer.elapsedMs,
    };
  } catch (error) {
    // Ours already: there was no room for the answer.
    if (error instanceof TriptychError) throw error;
    throw selectFailure(error, stopped);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

function insertText(insert: InsertOptions, file: string): string {
  const from = `file(${quoteText(file)}, Native, ${quoteText(structureText(insert.structure))})`;
  const group = insert.group === undefined ? "" : ` GROUP BY ${insert.group}`;
  return `INSERT INTO ${insert.table} SELECT ${insert.select} FROM ${from}${group} SETTINGS ${settingsClause(insertSettings)}`;
}
