/**
 * One native histogram as the message that remote write (both versions) and remote read share. Whole counts are
 * written as integers with differences between buckets, others as floats.
 */
import type { MessageWriter } from "./message-writer.ts";

/** Buckets of one sign: runs of neighbours and their absolute counts. */
export interface BucketRuns {
  /** Per run: the gap to the previous one (or where the first starts), and how many buckets it has. */
  readonly gaps: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
}

export interface HistogramMessage {
  readonly timeMs: number;
  /** 0: not known. */
  readonly startMs: number;
  /** -4 to 8, or -53 for custom bounds. */
  readonly schema: number;
  /** 0 unknown, 1 counter reset, 2 no reset, 3 gauge. */
  readonly resetHint: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  /** The sum is given as its words, low first: a marker of the series' end is a NaN with certain bits. */
  readonly sumWords: Uint32Array;
  readonly positive: BucketRuns;
  readonly negative: BucketRuns;
  readonly customValues: ArrayLike<number>;
}

/** Counts from here on cannot be told apart by one, so their differences would lie. */
const WHOLE_MAX = 2 ** 51;

/** Writes the fields of the message; the caller begins and ends it. */
export function writeHistogram(out: MessageWriter, histogram: HistogramMessage): void {
  const { count, zeroCount, positive, negative } = histogram;
  const isWhole =
    areWhole([count, zeroCount]) && areWhole(positive.counts) && areWhole(negative.counts);
  if (isWhole) out.uintAlways(1, count);
  else out.doubleAlways(2, count);
  out.doubleBits(3, histogram.sumWords, 0);
  out.sint(4, histogram.schema);
  out.double(5, histogram.zeroThreshold);
  if (isWhole) out.uintAlways(6, zeroCount);
  else out.doubleAlways(7, zeroCount);
  writeSide(out, 8, negative, isWhole);
  writeSide(out, 11, positive, isWhole);
  out.uint(14, histogram.resetHint);
  out.int64(15, histogram.timeMs);
  out.packedDoubles(16, histogram.customValues);
  out.int64(17, histogram.startMs);
}

function writeSide(out: MessageWriter, field: number, side: BucketRuns, isWhole: boolean): void {
  for (let i = 0; i < side.lengths.length; i++) {
    const mark = out.begin(field);
    out.sint(1, side.gaps[i] as number);
    out.uint(2, side.lengths[i] as number);
    out.end(mark);
  }
  if (isWhole) out.packedSints(field + 1, differences(side.counts));
  else out.packedDoubles(field + 2, side.counts);
}

function differences(counts: ArrayLike<number>): Float64Array {
  const out = new Float64Array(counts.length);
  let before = 0;
  for (let i = 0; i < counts.length; i++) {
    out[i] = (counts[i] as number) - before;
    before = counts[i] as number;
  }
  return out;
}

function areWhole(counts: ArrayLike<number>): boolean {
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    if (!Number.isInteger(count) || count < 0 || count > WHOLE_MAX) return false;
  }
  return true;
}
