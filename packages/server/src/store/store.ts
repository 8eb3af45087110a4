/** Opens the store, embedded or remote, makes its tables what this version needs, and hands out its parts. */
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import type { BlockSink } from "../journal/applier.ts";
import type { BlockEncoder } from "../journal/block.ts";
import { repeat } from "../self/repeat.ts";
import {
  createDamagedParts,
  type DamagedPart,
  type DamagedParts,
} from "./clickhouse/damaged-parts.ts";
import { createDatabase, createStatements, missingParts } from "./clickhouse/ddl.ts";
import { openEmbedded } from "./clickhouse/embedded.ts";
import { createBlockEncoder } from "./clickhouse/encode/block-encoder.ts";
import type { Engine } from "./clickhouse/engine.ts";
import { databaseOf, openRemote } from "./clickhouse/remote.ts";
import { createRetention, type Retention, type RetentionRules } from "./clickhouse/retention.ts";
import { createBlockSink } from "./clickhouse/sink.ts";
import { sql } from "./clickhouse/sql.ts";

const ASK_EVERY_MS = 2_000;
const ASK_TIMEOUT_MS = 5_000;

export interface StoreOptions {
  readonly directory: string;
  /** `embedded`, or the URL of a ClickHouse server. */
  readonly store: string;
  readonly clock: Clock;
  readonly memoryBytesMax: number;
  readonly queryTimeoutMs: number;
  readonly readers: number;
  readonly queriesQueuedMax: number;
  readonly minFreeBytes: number;
  readonly seriesMax: number;
  readonly retention: RetentionRules;
  /** Told of each part that could not be read and was set aside. */
  readonly onDamagedPart: (part: DamagedPart) => void;
  /** Told before and after rows of any age are changed or taken away. */
  readonly onChanged?: (() => void) | undefined;
}

export interface Store {
  readonly engine: Engine;
  readonly sink: BlockSink;
  readonly encoder: BlockEncoder;
  readonly retention: Retention;
  /** What of the embedded store was set aside because it cannot be read; a server sees to its own parts. */
  readonly damaged: Pick<DamagedParts, "status" | "look"> | undefined;
  /** Creates what is missing. For a remote store that is away this throws `store_unavailable`; call it again. */
  prepare(): Promise<void>;
  /** Whether the store answered when it was last asked; it is asked every few seconds. */
  reachable(): boolean;
  close(): Promise<void>;
}

export async function openStore(options: StoreOptions): Promise<Store> {
  const remote = options.store !== "embedded";
  const bare = remote
    ? await openRemote({
        url: options.store,
        connections: options.readers + 2,
        queryTimeoutMs: options.queryTimeoutMs,
        memoryBytesMax: options.memoryBytesMax,
      })
    : await openEmbedded({
        directory: options.directory,
        readers: options.readers,
        queueMax: options.queriesQueuedMax,
        memoryBytesMax: options.memoryBytesMax,
        queryTimeoutMs: options.queryTimeoutMs,
      });
  const opened = tellingOfChanges(bare, options.onChanged);
  const database = remote ? databaseOf(options.store) : "triptych";
  const damaged = remote
    ? undefined
    : createDamagedParts({ engine: opened, database, onSetAside: options.onDamagedPart });
  const engine = damaged?.engine ?? opened;
  let prepared = false;
  let preparing: Promise<void> | undefined;
  const prepareOnce = async (): Promise<void> => {
    await engine.execute(createDatabase(database), { outside: true });
    const ddl = createStatements({
      database,
      minFreeBytes: options.minFreeBytes,
    });
    for (const statement of ddl) await engine.execute(statement);
    for (const statement of await missingParts(engine, database)) await engine.execute(statement);
    prepared = true;
  };
  const prepare = (): Promise<void> => {
    if (prepared) return Promise.resolve();
    preparing ??= prepareOnce()
      .catch((error: unknown) => {
        // Whatever it is, it says nothing about the data that waits: it must not count as a refusal of blocks.
        const { message } = asTriptychError(error);
        throw new TriptychError("store_unavailable", `cannot prepare the store: ${message}`, {
          cause: error,
        });
      })
      .finally(() => {
        preparing = undefined;
      });
    return preparing;
  };
  let answered = true;
  const stopAsking = repeat(options.clock, ASK_EVERY_MS, async () => {
    answered = await engine.select(sql`SELECT 1`, { timeoutMs: ASK_TIMEOUT_MS }).then(
      () => true,
      // A store that is busy with other queries is there.
      (error: unknown) => error instanceof TriptychError && error.code === "query_queue_full",
    );
  });
  const inner = createBlockSink(engine);
  return {
    engine,
    damaged,
    encoder: createBlockEncoder({ clock: options.clock, seriesMax: options.seriesMax }),
    retention: createRetention({ engine, clock: options.clock, rules: options.retention }),
    // A remote store may come up after us: its tables are made when it first answers.
    sink: {
      insert: async (blocks, known) => {
        await prepare();
        await inner.insert(blocks, known);
      },
      present: async (range) => {
        await prepare();
        return inner.present(range);
      },
    },
    prepare,
    reachable: () => prepared && answered,
    close: async () => {
      stopAsking();
      await engine.close();
    },
  };
}

function tellingOfChanges(engine: Engine, changed: (() => void) | undefined): Engine {
  if (changed === undefined) return engine;
  return {
    ...engine,
    async execute(...statement) {
      changed();
      try {
        await engine.execute(...statement);
      } finally {
        changed();
      }
    },
  };
}
