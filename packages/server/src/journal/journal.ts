/**
 * The durable queue between receivers and store. In: batches. Out: blocks, to the sink. A batch is acknowledged when
 * the record that holds it is on disk; batches that arrive together share a record.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { type Batch, type Clock, TriptychError } from "@triptych/model";
import { letOthersRun } from "../self/event-loop.ts";
import { failpoint } from "../self/failpoint.ts";
import { type Applier, type BlockSink, createApplier, type SequencedBlock } from "./applier.ts";
import type { Block, BlockEncoder } from "./block.ts";
import { type ChangeLog, type Changes, createChangeLog } from "./changes.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { nodeFs } from "./fs.ts";
import { createHashWindow, type HashWindow } from "./hash-window.ts";
import { dataPayload } from "./record.ts";
import { openWal, type WalClient } from "./wal-client.ts";

export type Durability = "fsync" | "os" | "none";

export interface JournalOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly encoder: BlockEncoder;
  readonly sink: BlockSink;
  readonly workerUrl: URL;
  /** The largest batch of blocks given to the store at once; see the applier. */
  readonly roundBytesMax: number;
  /** Bytes that may wait for the store; beyond it senders are told to wait. */
  readonly pendingBytesMax: number;
  /** What an acknowledgement means: on disk; with the operating system; taken over, and lost with the process. */
  readonly durability: Durability;
  readonly random: () => number;
  /** The journal can no longer write at all: the process should end and be started again. */
  readonly onDeath: (error: Error) => void;
  readonly onError: (error: Error) => void;
}

export interface JournalStatus {
  readonly pendingRecords: number;
  readonly pendingBytes: number;
  readonly pendingBytesMax: number;
  readonly lagMs: number;
  readonly quarantinedRecords: number;
  readonly refusedBlocks: number;
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  readonly writeFailures: number;
  readonly duplicates: number;
}

export interface Journal {
  /** See `IngestNext.duplicateOf`. */
  duplicateOf(hash: Uint8Array): Promise<void> | null;
  /** Takes over the batch; resolves when it is as durable as the options say. */
  append(batch: Batch, hash: Uint8Array | null): Promise<void>;
  /** The same for blocks that are ready made: state. */
  appendBlocks(blocks: readonly Block[]): Promise<void>;
  status(): JournalStatus;
  /** How old what came into the store is. */
  readonly changes: Changes;
  /** Resolves when everything acknowledged so far is in the store. */
  drained(): Promise<void>;
  /** The same, and no recovery will put it there again: what is then deleted from the store stays deleted. */
  settled(): Promise<void>;
  /** Makes durable what was taken, waits up to `drainMs` for the store, writes a checkpoint. Safe to call twice. */
  close(drainMs: number): Promise<void>;
}

/** How long a lone batch waits for company. */
const GROUP_WAIT_MS = 2;
const GROUP_ROWS_MAX = 20_000;
/** Rows that may be acknowledged before they are written, when that is asked for. */
const UNWRITTEN_ROWS_MAX = 10 * GROUP_ROWS_MAX;
/** Records being written while the next is encoded. */
const WRITES_IN_FLIGHT_MAX = 4;
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
const CHECKPOINT_EVERY_MS = 5_000;
const RETRY_AFTER_SECONDS = 2;
/**
 * Skipped at every start. The end of the log may have been lost or damaged after the store took it; a number used
 * twice would make the store look as if it had the second record already. Nine million starts fit into 2^53.
 */
const SEQ_GAP = 1_000_000_000;

interface Entry {
  readonly batch: Batch | undefined;
  readonly blocks: readonly Block[];
  readonly hash: Uint8Array | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { clock, directory } = options;
  mkdirSync(directory, { recursive: true });
  const checkpoint = readCheckpoint(nodeFs, directory);
  const wal = await openWal(
    {
      directory,
      segmentBytesMax: SEGMENT_BYTES_MAX,
      sync: options.durability === "fsync",
      workerUrl: options.workerUrl,
    },
    options.onDeath,
  );
  // Without a trusted checkpoint nobody knows which numbers were used: a new name makes all numbers new.
  const trusted = checkpoint === undefined || checkpoint === "damaged" ? undefined : checkpoint;
  const writer = trusted?.writer ?? Math.floor(options.random() * 0xffff_ffff) + 1;
  const appliedSeq = trusted?.appliedSeq ?? 0;
  const window = createHashWindow(clock);
  for (const { hash, timeMs } of trusted?.hashes ?? []) window.restore(hash, timeMs);
  const counters = createCounters(wal, checkpoint === "damaged");
  const applier = createApplier({
    directory,
    clock,
    sink: options.sink,
    appliedSeq,
    roundBytesMax: options.roundBytesMax,
    onError: options.onError,
    onApplied: () => {},
    onDamaged: () => {
      counters.quarantinedRecords++;
    },
    setAside: (block, error) => {
      counters.refusedBlocks++;
      setAside(directory, block);
      options.onError(error);
    },
  });
  for (const record of wal.recovery.records) {
    for (const hash of record.hashes) window.restore(hash, record.timeMs);
    if (record.writer === writer && record.seq <= appliedSeq) continue;
    applier.push({ ...record, acknowledgedMs: record.timeMs, recovered: true });
  }
  const recovered = applier.pushedRecords;
  return createCommitter(options, {
    wal,
    window,
    applier,
    changes: createChangeLog(clock, {
      applied: () => applier.appliedRecords,
      recovered: () => recovered,
    }),
    counters,
    writer,
    lastSeq: Math.max(appliedSeq, wal.recovery.lastSeq) + SEQ_GAP,
  });
}

type Counters = ReturnType<typeof createCounters>;

function createCounters(wal: WalClient, checkpointDamaged: boolean) {
  const damaged = wal.recovery.damage.filter((damage) => damage.kind === "damaged").length;
  return {
    quarantinedRecords: damaged + (checkpointDamaged ? 1 : 0),
    refusedBlocks: 0,
    appendedRecords: 0,
    appendedBytes: 0,
    writeFailures: 0,
    duplicates: 0,
  };
}

interface Parts {
  readonly wal: WalClient;
  readonly window: HashWindow;
  readonly applier: Applier;
  readonly changes: ChangeLog;
  readonly counters: Counters;
  readonly writer: number;
  readonly lastSeq: number;
}

function createCommitter(options: JournalOptions, parts: Parts): Journal {
  const { clock, encoder } = options;
  const { wal, window, applier, changes, counters, writer } = parts;
  let seq = parts.lastSeq;
  let open: Entry[] = [];
  let openRows = 0;
  let committing = false;
  let timer: (() => void) | undefined;
  let writes = 0;
  let writeWaiters: (() => void)[] = [];
  let closed = false;
  let checkpointedSeq = -1;
  let newestSegment = 0;
  let cancelCheckpoint: () => void = () => {};
  let idle: (() => void)[] = [];
  /** What was taken and is not written yet. */
  const outstanding = new Set<Promise<void>>();

  /** Resolves when one of the writes under way has ended. Several may wait at once. */
  const writeDone = (): Promise<void> =>
    new Promise((resolve) => {
      writeWaiters.push(resolve);
    });
  const takeGroup = (): Entry[] => {
    let rows = 0;
    let count = 0;
    while (count < open.length && (count === 0 || rows < GROUP_ROWS_MAX)) {
      rows += open[count]?.batch?.rows ?? 0;
      count++;
    }
    const group = open.slice(0, count);
    open = open.slice(count);
    openRows -= rows;
    return group;
  };
  const write = async (group: readonly Entry[], blocks: readonly Block[]): Promise<void> => {
    const mine = ++seq;
    const timeMs = clock.nowMs();
    const hashes = group.flatMap((entry) => (entry.hash === null ? [] : [entry.hash]));
    try {
      const place = await wal.append(mine, dataPayload({ timeMs, writer, hashes, blocks }));
      failpoint("journal.before_acknowledge");
      newestSegment = Math.max(newestSegment, place.segment);
      counters.appendedRecords++;
      counters.appendedBytes += place.length;
      applier.push({ ...place, writer, acknowledgedMs: timeMs, recovered: false });
      changes.pushed(
        applier.pushedRecords,
        group.flatMap(({ batch }) => batch ?? []),
      );
      for (const entry of group) entry.resolve();
      failpoint("journal.after_acknowledge");
    } catch (error) {
      counters.writeFailures++;
      encoder.forget();
      for (const entry of group) entry.reject(error);
      options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const commitAlone = async (entry: Entry): Promise<void> => {
    try {
      await write([entry], await encodeGroup(encoder, [entry]));
    } catch (error) {
      entry.reject(error);
    }
  };
  const commit = async (): Promise<void> => {
    committing = true;
    timer = undefined;
    while (open.length > 0) {
      const group = takeGroup();
      try {
        const blocks = await encodeGroup(encoder, group);
        if (blocks.length === 0) {
          for (const entry of group) entry.resolve();
          continue;
        }
        writes++;
        void write(group, blocks).finally(() => {
          writes--;
          const waiters = writeWaiters;
          writeWaiters = [];
          for (const wake of waiters) wake();
        });
      } catch (error) {
        options.onError(error instanceof Error ? error : new Error(String(error)));
        // One batch that cannot be encoded must not fail the others: each is tried by itself.
        if (group.length > 1) await Promise.all(group.map((entry) => commitAlone(entry)));
        else for (const entry of group) entry.reject(error);
      }
      while (writes >= WRITES_IN_FLIGHT_MAX) {
        await writeDone();
      }
    }
    committing = false;
    for (const done of idle.splice(0)) done();
  };
  const refusal = (): TriptychError | undefined => {
    if (closed) return new TriptychError("shutting_down", "the process is stopping");
    if (applier.pendingBytes >= options.pendingBytesMax) return fullError(options.pendingBytesMax);
    return undefined;
  };
  const add = (entry: Omit<Entry, "resolve" | "reject">): Promise<void> => {
    const refused = refusal();
    if (refused !== undefined) return Promise.reject(refused);
    const durable = new Promise<void>((resolve, reject) => {
      open.push({ ...entry, resolve, reject });
      openRows += entry.batch?.rows ?? 0;
      if (committing) return;
      if (openRows >= GROUP_ROWS_MAX) {
        timer?.();
        void commit();
      } else {
        timer ??= clock.after(GROUP_WAIT_MS, () => void commit());
      }
    });
    outstanding.add(durable);
    const settled = (): void => void outstanding.delete(durable);
    durable.then(settled, settled);
    return durable;
  };
  const saveCheckpoint = async (): Promise<void> => {
    const { appliedSeq } = applier;
    if (appliedSeq === checkpointedSeq) return;
    failpoint("checkpoint.before");
    // Records written but not yet reported here lie in the newest segment known, or in later ones.
    const keepFrom = Math.min(applier.oldestSegment ?? newestSegment, newestSegment);
    await wal.checkpoint({ writer, appliedSeq, hashes: window.entries() }, keepFrom);
    checkpointedSeq = appliedSeq;
    failpoint("checkpoint.after");
  };
  const scheduleCheckpoint = (): void => {
    cancelCheckpoint = clock.after(CHECKPOINT_EVERY_MS, () => {
      void saveCheckpoint()
        .catch((error: unknown) =>
          options.onError(error instanceof Error ? error : new Error(String(error))),
        )
        .finally(() => {
          if (!closed) scheduleCheckpoint();
        });
    });
  };
  scheduleCheckpoint();

  const quiet = async (): Promise<void> => {
    timer?.();
    if (!committing && open.length > 0) void commit();
    if (committing) {
      await new Promise<void>((resolve) => {
        idle.push(resolve);
      });
    }
    while (writes > 0) {
      await writeDone();
    }
  };

  const drained = async (): Promise<void> => {
    // Not until it is quiet, which under load it never is.
    await Promise.allSettled(outstanding);
    await applier.drained();
  };

  return {
    duplicateOf(hash) {
      const found = window.find(hash);
      if (found !== null) counters.duplicates++;
      return found;
    },
    append(batch, hash) {
      const waits =
        options.durability !== "none" || openRows >= UNWRITTEN_ROWS_MAX || refusal() !== undefined;
      const durable = add({ batch, blocks: [], hash });
      if (hash !== null) window.begin(hash, durable);
      if (waits) return durable;
      // What fails now was reported and counted where it failed: the sender is gone.
      durable.catch(() => {});
      return Promise.resolve();
    },
    appendBlocks: (blocks) => add({ batch: undefined, blocks, hash: null }),
    status: () => ({
      ...counters,
      pendingRecords: applier.pendingRecords,
      pendingBytes: applier.pendingBytes,
      pendingBytesMax: options.pendingBytesMax,
      lagMs: applier.lagMs(),
    }),
    changes,
    drained,
    async settled() {
      await drained();
      await saveCheckpoint();
    },
    async close(drainMs) {
      if (closed) return;
      closed = true;
      cancelCheckpoint();
      await quiet();
      let cancel: () => void = () => {};
      const tooLong = new Promise<void>((resolve) => {
        cancel = clock.after(drainMs, resolve);
      });
      await Promise.race([applier.drained(), tooLong]);
      cancel();
      await applier.close();
      await saveCheckpoint().catch((error: unknown) => options.onError(error as Error));
      await wal.close();
      idle = [];
    },
  };
}

/** Runs the encoder step by step, letting the event loop breathe between steps. */
async function encodeGroup(encoder: BlockEncoder, group: readonly Entry[]): Promise<Block[]> {
  const batches = group.flatMap((entry) => (entry.batch === undefined ? [] : [entry.batch]));
  const ready = group.flatMap((entry) => entry.blocks);
  if (batches.length === 0) return ready;
  const steps = encoder.encode(batches);
  for (;;) {
    const step = steps.next();
    if (step.done) return [...step.value, ...ready];
    await letOthersRun();
  }
}

function fullError(bytesMax: number): TriptychError {
  const message = `the journal holds ${bytesMax} bytes that the store has not taken yet; try again later`;
  return new TriptychError("queue_full", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** Keeps a block that the store refuses for whoever wants to look. */
function setAside(directory: string, block: SequencedBlock): void {
  try {
    mkdirSync(`${directory}/quarantine`, { recursive: true });
    writeFileSync(
      `${directory}/quarantine/${block.kind}-${block.partition}-${block.seq}.native`,
      block.bytes,
      // A record may hold several blocks of one kind and partition; Native blocks may follow one another.
      { flag: "a" },
    );
  } catch {
    // Counted and reported already.
  }
}
