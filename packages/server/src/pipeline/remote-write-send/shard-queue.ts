/** What waits in one shard, in columns: samples, native histograms and exemplars of series, first in, first out. */
import type { HistogramMessage, WriteExemplar, WriteLabels, WriteMetadata } from "@triptych/wire";

/** A series as it is sent: after relabelling. */
export interface SendSeries {
  /** Of the labels as they came: which shard the series belongs to. */
  readonly hash: number;
  readonly labels: WriteLabels;
  readonly metadata: WriteMetadata | undefined;
}

export const EntryKind = { sample: 0, histogram: 1, exemplar: 2 } as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** An entry's own payload; a sample has its value in `low` and `high`. */
export interface Entry {
  readonly kind: EntryKind;
  readonly series: SendSeries;
  readonly timeMs: number;
  readonly startMs: number;
  /** Words of the value. */
  readonly low: number;
  readonly high: number;
  readonly histogram?: HistogramMessage | undefined;
  readonly exemplar?: WriteExemplar | undefined;
}

/** A queue without a bound of its own: who adds looks at `size` first. */
export interface ShardQueue {
  readonly size: number;
  push(entry: Entry): void;
  /** Takes the oldest entries, at most `max`. */
  take(max: number): Entry[];
}

/** Room that is given back once this much of it was taken. */
const COMPACT_AT = 4096;

export function createShardQueue(): ShardQueue {
  let entries: Entry[] = [];
  let head = 0;
  return {
    get size() {
      return entries.length - head;
    },
    push: (entry) => void entries.push(entry),
    take(max) {
      const taken = entries.slice(head, head + max);
      head += taken.length;
      if (head === entries.length || head >= COMPACT_AT) {
        entries = entries.slice(head);
        head = 0;
      }
      return taken;
    },
  };
}
