/** What the store answers of samples: columns of floats, and histograms row by row. */
import { assert } from "@triptych/model";
import type { NativeBlock } from "@triptych/wire";
import { bigintCells, numberCells, numbersCells } from "../../store/clickhouse/select/rows.ts";

/**
 * Samples of several series: series `i` has the id `ids[i]` and owns rows `offsets[i] .. offsets[i + 1]`, ascending in
 * time, each time once. Ids ascend; series without samples are left out. Values keep their bits (staleness markers).
 */
export interface SampleColumns {
  readonly ids: readonly bigint[];
  readonly offsets: Uint32Array;
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
}

/** A native histogram sample. */
export interface HistogramSample {
  readonly id: bigint;
  readonly timeMs: number;
  readonly schema: number;
  readonly resetHint: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  /** Bucket index and count, ascending by index; buckets that are empty may be left out. */
  readonly positive: readonly (readonly [index: number, count: number])[];
  readonly negative: readonly (readonly [index: number, count: number])[];
  readonly customValues: readonly number[];
}

/** Puts blocks of rows sorted by id and time together; of equal ids and times the first row stays. */
export class SampleBuilder {
  rows = 0;
  private readonly ids: bigint[] = [];
  private readonly starts: number[] = [];
  private time = new Float64Array(1024);
  private value = new Float64Array(1024);
  /** The same memory as `value`: copies through words keep the bits of a NaN. */
  private words = new Uint32Array(this.value.buffer);
  private lastLow = 0;
  private lastHigh = 0;

  append(block: NativeBlock): void {
    if (block.rows === 0) return;
    // As words: a bigint for each row would be most of the work.
    const ids = wordsOf(block, "id");
    const times = wordsOf(block, "time");
    const from = wordsOf(block, "value");
    this.grow(this.rows + block.rows);
    for (let row = 0; row < block.rows; row++) {
      const low = ids[row * 2] as number;
      const high = ids[row * 2 + 1] as number;
      const time = (times[row * 2] as number) + ((times[row * 2 + 1] as number) | 0) * 2 ** 32;
      if (low !== this.lastLow || high !== this.lastHigh || this.ids.length === 0) {
        this.ids.push((BigInt(high) << 32n) | BigInt(low));
        this.starts.push(this.rows);
        this.lastLow = low;
        this.lastHigh = high;
      } else if (this.time[this.rows - 1] === time) {
        continue;
      }
      const at = this.rows++;
      this.time[at] = time;
      this.words[at * 2] = from[row * 2] as number;
      this.words[at * 2 + 1] = from[row * 2 + 1] as number;
    }
  }

  take(): SampleColumns {
    return {
      ids: this.ids,
      offsets: Uint32Array.from([...this.starts, this.rows]),
      timeMs: this.time,
      value: this.value,
    };
  }

  private grow(needed: number): void {
    if (needed <= this.time.length) return;
    const size = Math.max(needed, this.time.length * 2);
    const time = new Float64Array(size);
    time.set(this.time);
    const value = new Float64Array(size);
    const words = new Uint32Array(value.buffer);
    words.set(this.words);
    this.time = time;
    this.value = value;
    this.words = words;
  }
}

/** A column of 64-bit values as pairs of words, low word first. */
function wordsOf(block: NativeBlock, name: string): Uint32Array {
  const data = block.columns.find((column) => column.name === name)?.data;
  assert(data?.kind === "number" || data?.kind === "bigint", `column "${name}" holds numbers`);
  const { buffer, byteOffset } = data.values;
  return new Uint32Array(buffer, byteOffset, block.rows * 2);
}

export function histogramCells(block: NativeBlock): (row: number) => HistogramSample {
  const id = bigintCells(block, "id");
  const number = (name: string) => numberCells(block, name);
  const time = number("time");
  const schema = number("Schema");
  const resetHint = number("ResetHint");
  const zeroThreshold = number("ZeroThreshold");
  const zeroCount = number("ZeroCount");
  const count = number("Count");
  const sum = number("Sum");
  const positive = bucketCells(block, "Positive");
  const negative = bucketCells(block, "Negative");
  const customValues = numbersCells(block, "CustomValues");
  return (row) => ({
    id: id(row),
    timeMs: time(row),
    schema: schema(row),
    resetHint: resetHint(row),
    zeroThreshold: zeroThreshold(row),
    zeroCount: zeroCount(row),
    count: count(row),
    sum: sum(row),
    positive: positive(row),
    negative: negative(row),
    customValues: customValues(row),
  });
}

/** Runs of buckets (gap, then length) as pairs of index and count. */
function bucketCells(
  block: NativeBlock,
  side: "Positive" | "Negative",
): (row: number) => [index: number, count: number][] {
  const gaps = numbersCells(block, `${side}Gaps`);
  const lengths = numbersCells(block, `${side}Lengths`);
  const counts = numbersCells(block, `${side}Counts`);
  return (row) => {
    const out: [number, number][] = [];
    const values = counts(row);
    const runLengths = lengths(row);
    let index = 0;
    for (const [run, gap] of gaps(row).entries()) {
      index += gap;
      for (let i = 0; i < (runLengths[run] as number) && out.length < values.length; i++)
        out.push([index++, values[out.length] as number]);
    }
    return out;
  };
}
