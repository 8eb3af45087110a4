/**
 * What came into the store since a moment: how old the oldest row may be. Answers that were computed from rows of some
 * time can be used again as long as nothing of that time came.
 */
import type { Batch, Clock } from "@triptych/model";

export type ChangedSignal = "samples" | "logs";

export interface Changes {
  /**
   * This moment. Whoever asks for data from now on sees all that came before it. `undefined` while an earlier process's
   * rows are on their way to the store.
   */
  mark(): Mark | undefined;
  /**
   * No row older than this came into the store since, and none of that age was taken away: milliseconds since 1970,
   * `Infinity` when nothing came, `-Infinity` when that is not known.
   */
  oldestSince(mark: Mark, signal: ChangedSignal): number;
  /** Rows of any age were taken away, or will be: nothing computed before this moment holds. */
  forgetAll(): void;
}

/** How many records were in the store, and how often all was forgotten. */
export interface Mark {
  readonly applied: number;
  readonly epoch: number;
}

/** What the journal tells. Records are counted in the order in which the store takes them. */
export interface ChangeLog extends Changes {
  /** The record with this number waits for the store, and holds these batches. */
  pushed(record: number, batches: readonly Batch[]): void;
}

interface Slot {
  readonly openedMs: number;
  /** The number of its last record. */
  upTo: number;
  readonly oldestMs: { [signal in ChangedSignal]: number };
}

/** Records of so long are told apart no further. */
const SLOT_MS = 1_000;
const SLOTS_MAX = 1_024;

export function createChangeLog(
  clock: Clock,
  /** Records in the store, and those that an earlier process left for it. */
  counts: { readonly applied: () => number; readonly recovered: () => number },
): ChangeLog {
  const slots: Slot[] = [];
  let epoch = 0;
  /** The last record of which nothing is known any more. */
  let forgotten = 0;
  const slotFor = (record: number): Slot => {
    const nowMs = clock.monotonicMs();
    const last = slots.at(-1);
    if (last !== undefined && nowMs - last.openedMs < SLOT_MS) return last;
    const slot: Slot = {
      openedMs: nowMs,
      upTo: record,
      oldestMs: { samples: Infinity, logs: Infinity },
    };
    slots.push(slot);
    if (slots.length > SLOTS_MAX) forgotten = slots.shift()?.upTo ?? forgotten;
    return slot;
  };
  return {
    pushed(record, batches) {
      const slot = slotFor(record);
      slot.upTo = record;
      for (const batch of batches) {
        if (batch.signal === "spans") continue;
        const { oldestMs } = slot;
        oldestMs[batch.signal] = Math.min(oldestMs[batch.signal], oldestOf(batch));
      }
    },
    mark() {
      const applied = counts.applied();
      return applied < counts.recovered() ? undefined : { applied, epoch };
    },
    oldestSince(mark, signal) {
      if (mark.epoch !== epoch || mark.applied < forgotten) return -Infinity;
      let oldest = Infinity;
      for (let at = slots.length - 1; at >= 0; at--) {
        const slot = slots[at] as Slot;
        if (slot.upTo <= mark.applied) break;
        oldest = Math.min(oldest, slot.oldestMs[signal]);
      }
      return oldest;
    },
    forgetAll() {
      epoch++;
    },
  };
}

const NS_PER_MS = 1_000_000;
const TWO_32 = 2 ** 32;

function oldestOf(batch: Exclude<Batch, { readonly signal: "spans" }>): number {
  let oldest = Infinity;
  if (batch.signal === "samples") {
    const { samples, histograms } = batch;
    for (let row = 0; row < samples.rows; row++)
      oldest = Math.min(oldest, samples.timeMs[row] as number);
    for (let row = 0; row < histograms.rows; row++)
      oldest = Math.min(oldest, histograms.timeMs[row] as number);
    return oldest;
  }
  // The words of whole nanoseconds as a float: half a microsecond off at most, and rounded down to milliseconds.
  const { timeWords } = batch;
  for (let row = 0; row < batch.rows; row++)
    oldest = Math.min(
      oldest,
      (timeWords[row * 2 + 1] as number) * TWO_32 + (timeWords[row * 2] as number),
    );
  return Math.floor(oldest / NS_PER_MS) - 1;
}
