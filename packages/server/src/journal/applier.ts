/**
 * Moves records from the journal into the store, in order, each row exactly once.
 *
 * A round takes the oldest records up to a bound, sorts their blocks by kind and partition, and inserts each group as
 * one part, which the store takes whole or not at all. After any error, and after a crash, the store is asked which
 * `(writer, seq, partition)` it has before anything is sent again. A block that the store refuses for what it is (and
 * not for the state the store is in) is set aside after some tries, counted, and shown; it never stops the line.
 */
import { open } from "node:fs/promises";
import { type Clock, sleep, TriptychError } from "@triptych/model";
import { failpoint } from "../self/failpoint.ts";
import type { Block } from "./block.ts";
import { readDataPayload, readRecord } from "./record.ts";
import { type RecordPlace, segmentName } from "./segment-log.ts";

export interface SequencedBlock extends Block {
  readonly seq: number;
  readonly writer: number;
}

/** What of a range of records the store already has. */
export interface Presence {
  has(table: string, block: SequencedBlock): boolean;
}

/** The store as the applier uses it; it lies right of the journal and is handed in. */
export interface BlockSink {
  /**
   * Inserts blocks of one kind and one partition into every table of the kind, leaving out what `known` says is
   * there. Throws `store_unavailable` when trying again may help, anything else when the blocks themselves are refused.
   */
  insert(blocks: readonly SequencedBlock[], known: Presence | null): Promise<void>;
  /** What the store has of these kinds for sequence numbers of `writer` within the range, both ends included. */
  present(range: {
    writer: number;
    from: number;
    to: number;
    kinds: readonly string[];
  }): Promise<Presence>;
}

export interface PendingRecord extends RecordPlace {
  readonly writer: number;
  readonly acknowledgedMs: number;
  /** Found at start: the store may have it already. */
  readonly recovered: boolean;
}

export interface Applier {
  push(record: PendingRecord): void;
  readonly pendingRecords: number;
  readonly pendingBytes: number;
  /** Records that came, and those of them that are in the store: they go there in the order in which they came. */
  readonly pushedRecords: number;
  readonly appliedRecords: number;
  /** All records up to this one are in the store. */
  readonly appliedSeq: number;
  /** Where the oldest record that is not yet in the store lies; undefined when there is none. */
  readonly oldestSegment: number | undefined;
  /** Milliseconds that the oldest record has waited. */
  lagMs(): number;
  /** Resolves when everything pushed so far is in the store. */
  drained(): Promise<void>;
  /** Stops after the round under way. */
  close(): Promise<void>;
}

const ROUND_BYTES = 8 * 1024 * 1024;
const ROUND_SHARE_OF_PENDING = 4;
const ROUND_RECORDS_MAX = 4_096;
/** With little to do, inserts wait this long so that parts are fewer; well below the one second of freshness. */
const QUIET_ROUND_MS = 200;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 5_000;
/** Tries before a refused block is set aside. */
const REFUSALS_MAX = 5;

interface Deps {
  readonly directory: string;
  readonly clock: Clock;
  readonly sink: BlockSink;
  readonly appliedSeq: number;
  /** Sets a refused block aside; must not throw. */
  readonly setAside: (block: SequencedBlock, error: Error) => void;
  readonly onError: (error: Error) => void;
  /**
   * Bound of a round, 8 MiB unless given. With much waiting, rounds grow up to it: fewer parts to merge, and the store
   * catches up sooner, for more memory.
   */
  readonly roundBytesMax?: number;
  /** A record was found changed on disk after it was written: it is lost. */
  readonly onDamaged?: () => void;
  readonly onApplied: (record: PendingRecord) => void;
}

export function createApplier(deps: Deps): Applier {
  const { clock } = deps;
  let queue: PendingRecord[] = [];
  let head = 0;
  let pendingBytes = 0;
  let appliedSeq = deps.appliedSeq;
  let closed = false;
  let wake: (() => void) | undefined;
  let pushed = 0;
  let finished = 0;
  /** In the order of `upTo`. */
  const drainWaiters: { readonly upTo: number; readonly done: () => void }[] = [];

  const pending = (): number => queue.length - head;
  const round = (): PendingRecord[] => {
    const taken: PendingRecord[] = [];
    const share = pendingBytes / ROUND_SHARE_OF_PENDING;
    const bytesMax = Math.min(deps.roundBytesMax ?? ROUND_BYTES, Math.max(ROUND_BYTES, share));
    let bytes = 0;
    for (let i = head; i < queue.length && taken.length < ROUND_RECORDS_MAX; i++) {
      const record = queue[i] as PendingRecord;
      const first = taken[0];
      // Recovered records are checked against the store, new ones are not: never both in one round.
      if (
        first !== undefined &&
        (first.recovered !== record.recovered || first.writer !== record.writer)
      )
        break;
      if (first !== undefined && bytes + record.length > bytesMax) break;
      taken.push(record);
      bytes += record.length;
    }
    return taken;
  };
  const finish = (taken: readonly PendingRecord[]): void => {
    head += taken.length;
    for (const record of taken) {
      pendingBytes -= record.length;
      appliedSeq = Math.max(appliedSeq, record.seq);
      deps.onApplied(record);
    }
    if (head > 10_000 || head === queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    finished += taken.length;
    while (drainWaiters[0] !== undefined && drainWaiters[0].upTo <= finished)
      drainWaiters.shift()?.done();
  };
  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const run = async (): Promise<void> => {
    while (!closed) {
      if (pending() === 0) {
        await idle();
        continue;
      }
      const started = clock.monotonicMs();
      const taken = round();
      await applyRound(deps, taken, () => closed);
      if (closed) return;
      finish(taken);
      const rest = QUIET_ROUND_MS - (clock.monotonicMs() - started);
      if (pendingBytes < ROUND_BYTES / 4 && rest > 0 && drainWaiters.length === 0)
        await sleep(clock, rest);
    }
  };
  const running = run();

  return {
    push(record) {
      queue.push(record);
      pushed++;
      pendingBytes += record.length;
      wake?.();
    },
    get pendingRecords() {
      return pending();
    },
    get pendingBytes() {
      return pendingBytes;
    },
    get pushedRecords() {
      return pushed;
    },
    get appliedRecords() {
      return finished;
    },
    get appliedSeq() {
      return appliedSeq;
    },
    get oldestSegment() {
      return queue[head]?.segment;
    },
    lagMs() {
      const oldest = queue[head];
      return oldest === undefined ? 0 : Math.max(0, clock.nowMs() - oldest.acknowledgedMs);
    },
    drained() {
      if (pending() === 0) return Promise.resolve();
      return new Promise((resolve) => {
        drainWaiters.push({ upTo: pushed, done: resolve });
        wake?.();
      });
    },
    async close() {
      closed = true;
      wake?.();
      await running;
    },
  };
}

async function applyRound(
  deps: Deps,
  taken: readonly PendingRecord[],
  stopped: () => boolean,
): Promise<void> {
  // The disk may fail to read now and work later; the records stay where they are.
  let groups: SequencedBlock[][] = [];
  await untilDone(deps, stopped, async () => {
    groups = await readGroups(deps, taken);
  });
  if (stopped()) return;
  const first = taken[0] as PendingRecord;
  const range = { writer: first.writer, from: first.seq, to: (taken.at(-1) as PendingRecord).seq };
  for (const blocks of groups) {
    await applyGroup(deps, { blocks, range, mayBeThere: first.recovered }, stopped);
    if (stopped()) return;
    failpoint("apply.between_partitions");
  }
  failpoint("apply.after_insert");
}

interface Group {
  readonly blocks: readonly SequencedBlock[];
  readonly range: { readonly writer: number; readonly from: number; readonly to: number };
  readonly mayBeThere: boolean;
}

async function applyGroup(deps: Deps, group: Group, stopped: () => boolean): Promise<void> {
  let ask = group.mayBeThere;
  let refusals = 0;
  await untilDone(deps, stopped, async () => {
    const known = ask ? await presence(deps, group) : null;
    // Whatever goes wrong from here on, the store may have taken the rows before it did.
    ask = true;
    try {
      await deps.sink.insert(group.blocks, known);
    } catch (error) {
      if (!isRefusal(error) || ++refusals < REFUSALS_MAX) throw error;
      await setAsideRefused(deps, group, stopped);
    }
  });
}

/** Repeats `attempt` with growing pauses until it succeeds or the applier is stopped. */
async function untilDone(
  deps: Deps,
  stopped: () => boolean,
  attempt: () => Promise<void>,
): Promise<void> {
  for (let delayMs = RETRY_MS_FIRST; !stopped(); delayMs = Math.min(delayMs * 2, RETRY_MS_MAX)) {
    try {
      await attempt();
      return;
    } catch (error) {
      deps.onError(error instanceof Error ? error : new Error(String(error)));
      await sleep(deps.clock, delayMs);
    }
  }
}

/** The store refuses the rows for what they are: trying again cannot help. */
function isRefusal(error: unknown): boolean {
  return error instanceof TriptychError && error.code === "store_failed";
}

function presence(deps: Deps, group: Group): Promise<Presence> {
  const kinds = [...new Set(group.blocks.map((block) => block.kind))];
  return deps.sink.present({ ...group.range, kinds });
}

/**
 * Inserts record by record, so that only those that are refused are lost to the store. All blocks of a record go
 * together: the store knows records, and would take the second block for the first one sent again.
 */
async function setAsideRefused(deps: Deps, group: Group, stopped: () => boolean): Promise<void> {
  const records = new Map<number, SequencedBlock[]>();
  for (const block of group.blocks) {
    const blocks = records.get(block.seq);
    if (blocks === undefined) records.set(block.seq, [block]);
    else blocks.push(block);
  }
  for (const blocks of records.values()) {
    await untilDone(deps, stopped, async () => {
      const known = await presence(deps, group);
      try {
        await deps.sink.insert(blocks, known);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const reason = error instanceof Error ? error : new Error(String(error));
        for (const block of blocks) deps.setAside(block, reason);
      }
    });
  }
}

/** The blocks of the records, grouped by kind and partition, in order of sequence. */
async function readGroups(
  deps: Deps,
  taken: readonly PendingRecord[],
): Promise<SequencedBlock[][]> {
  const groups = new Map<string, SequencedBlock[]>();
  let file: { segment: number; handle: Awaited<ReturnType<typeof open>> } | undefined;
  try {
    for (const record of taken) {
      if (file?.segment !== record.segment) {
        await file?.handle.close();
        file = {
          segment: record.segment,
          handle: await open(`${deps.directory}/${segmentName(record.segment)}`, "r"),
        };
      }
      const bytes = new Uint8Array(record.length);
      await file.handle.read(bytes, 0, record.length, record.offset);
      const found = readRecord(bytes, 0);
      if (found === undefined) {
        deps.onDamaged?.();
        deps.onError(
          new Error(
            `record ${record.seq} in segment ${record.segment} changed on disk after it was written`,
          ),
        );
        continue;
      }
      for (const block of readDataPayload(found.payload).blocks) {
        const key = `${block.kind}/${block.partition}`;
        const sequenced = { ...block, seq: record.seq, writer: record.writer };
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [sequenced]);
        else group.push(sequenced);
      }
    }
  } finally {
    await file?.handle.close();
  }
  return [...groups.values()];
}
