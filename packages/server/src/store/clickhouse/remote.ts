/**
 * A ClickHouse server or cluster over HTTP. The same statements as embedded; only the transport differs: blocks go in
 * the body of `INSERT … SELECT … FROM input(…) FORMAT Native`, answers come back as Native.
 */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { TriptychError } from "@triptych/model";
import { readNativeBlocks } from "@triptych/wire";
import type { QueryMemory } from "../../self/query-memory.ts";
import {
  type Engine,
  type InsertOptions,
  insertSettings,
  quoteText,
  settingsClause,
  structureText,
} from "./engine.ts";
import { clickhouseCode, selectFailure, writeFailure } from "./failure.ts";
import { statement } from "./sql.ts";

export interface RemoteOptions {
  /** `http://user:password@host:8123/database`; the database is `triptych` when the path is empty. */
  readonly url: string;
  readonly connections: number;
  readonly queryTimeoutMs: number;
  readonly memoryBytesMax: number;
}

export function databaseOf(url: string): string {
  const path = new URL(url).pathname.replaceAll("/", "");
  return path === "" ? "triptych" : path;
}

/** An insert that takes longer than this is asked about and sent again. */
const INSERT_TIMEOUT_MS = 30_000;
const INSERT_SECONDS_MAX = 20;

export async function openRemote(options: RemoteOptions): Promise<Engine> {
  const database = databaseOf(options.url);
  const at = new URL(options.url);
  at.pathname = "/";
  const connection = {
    url: at,
    application: "triptych",
    max_open_connections: options.connections,
    request_timeout: Math.max(options.queryTimeoutMs, INSERT_TIMEOUT_MS) + 5_000,
    compression: { request: false, response: false },
    keep_alive: { enabled: true },
    // What goes wrong comes back as errors, which the callers report.
    log: { level: ClickHouseLogLevel.OFF },
  };
  const client = createClient({ ...connection, database });
  const outside = createClient({ ...connection, max_open_connections: 1 });
  let closed = false;
  const inDoubt = createInDoubt(client, at);
  return {
    kind: "remote",
    select: (query, selectOptions = {}) => {
      const { text, params } = statement(query);
      return select(client, options, { text, params, ...selectOptions });
    },
    async insert(insert, blocks) {
      await inDoubt.settle();
      const queryId = randomUUID();
      const abort = AbortSignal.timeout(INSERT_TIMEOUT_MS);
      try {
        const answer = await client.exec({
          query: insertText(insert),
          query_id: queryId,
          values: Readable.from(blocks, { objectMode: false }),
          abort_signal: abort,
          // The answer must not begin before the insert has ended: its status is what counts.
          // The server gives up before we do: an insert we have given up must not commit after it was sent again.
          clickhouse_settings: {
            wait_end_of_query: 1,
            max_execution_time: INSERT_SECONDS_MAX,
            timeout_before_checking_execution_speed: 0,
          },
        });
        answer.stream.resume();
      } catch (error) {
        // Without an answer of the server's own it may still be at work on it.
        if (clickhouseCode(error) === 0) inDoubt.add(queryId);
        throw writeFailure(insert.table, error);
      }
    },
    async execute(change, executeOptions = {}) {
      const { text, params } =
        typeof change === "string" ? { text: change, params: {} } : statement(change);
      try {
        await (executeOptions.outside ? outside : client).command({
          query: text,
          query_params: params,
          clickhouse_settings: { max_query_size: "4194304" },
        });
      } catch (error) {
        throw unreachable(at, error);
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await client.close();
      await outside.close();
    },
  };
}

/** How long one call waits for an insert in doubt to end. */
const DOUBT_WAIT_MS = 5_000;
const DOUBT_EVERY_MS = 250;

/**
 * Inserts that ended without an answer. They may be committed later than we ask what the store has, and would then be
 * there twice when they were sent again. So none is sent before the server says that those do not run any more; and
 * then the caller must ask again.
 */
function createInDoubt(client: ClickHouseClient, at: URL) {
  const ids = new Set<string>();
  const runs = async (id: string): Promise<boolean> => {
    const list = quoteText(id);
    await client.command({ query: `KILL QUERY WHERE query_id = ${list} ASYNC` }).catch(() => {});
    const answer = await client.query({
      query: `SELECT count() AS running FROM system.processes WHERE query_id = ${list}`,
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ running: string | number }>();
    return Number(row?.running ?? 0) > 0;
  };
  return {
    add: (id: string): void => void ids.add(id),
    /** Rejects with `store_unavailable` when there was any; the next call may go on. */
    async settle(): Promise<void> {
      if (ids.size === 0) return;
      const deadline = performance.now() + DOUBT_WAIT_MS;
      try {
        for (const id of ids) {
          while (await runs(id)) {
            if (performance.now() > deadline)
              throw new TriptychError(
                "store_unavailable",
                "an insert without an answer still runs",
              );
            await pause(DOUBT_EVERY_MS);
          }
          ids.delete(id);
        }
      } catch (error) {
        throw unreachable(at, error);
      }
      throw new TriptychError(
        "store_unavailable",
        "asking again what an insert without an answer did",
      );
    },
  };
}

interface SelectCall {
  readonly text: string;
  readonly params: { readonly [name: string]: unknown };
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly memory?: Pick<QueryMemory, "take"> | undefined;
}

async function select(
  client: ClickHouseClient,
  options: RemoteOptions,
  call: SelectCall,
): ReturnType<Engine["select"]> {
  const queryId = randomUUID();
  const timeoutMs = call.timeoutMs ?? options.queryTimeoutMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  const started = performance.now();
  try {
    const answer = await client.exec({
      query: `${call.text} FORMAT Native`,
      query_params: { ...call.params },
      query_id: queryId,
      abort_signal: signal,
      clickhouse_settings: {
        readonly: "2",
        wait_end_of_query: 1,
        max_execution_time: Math.ceil(timeoutMs / 1000),
        max_memory_usage: String(Math.floor(options.memoryBytesMax / 4)),
        select_sequential_consistency: "1",
        cancel_http_readonly_queries_on_client_close: 1,
      },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer.stream) {
      call.memory?.take((chunk as Buffer).length);
      chunks.push(chunk as Buffer);
    }
    return {
      blocks: readNativeBlocks(Buffer.concat(chunks)),
      rowsRead: Number(answer.summary?.read_rows ?? 0),
      bytesRead: Number(answer.summary?.read_bytes ?? 0),
      elapsedMs: performance.now() - started,
    };
  } catch (error) {
    if (error instanceof TriptychError) throw error;
    const stopped = call.signal?.aborted
      ? "query_cancelled"
      : timeout.aborted
        ? "query_timeout"
        : undefined;
    throw selectFailure(error, stopped);
  }
}

function insertText(insert: InsertOptions): string {
  const from = `input(${quoteText(structureText(insert.structure))})`;
  const group = insert.group === undefined ? "" : ` GROUP BY ${insert.group}`;
  return `INSERT INTO ${insert.table} SELECT ${insert.select} FROM ${from}${group} SETTINGS ${settingsClause(insertSettings)} FORMAT Native`;
}

function unreachable(at: URL, error: unknown): TriptychError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TriptychError(
    "store_unavailable",
    `ClickHouse at ${at.host} did not take a statement: ${reason}`,
    {
      cause: error,
    },
  );
}
