/**
 * What the head knows of each series beside its chunks: the newest samples, which are not yet in one, where its newest
 * chunk is, and the times of its last samples. Many series share a slab, which other threads can read.
 */
import type { Samples } from "./chunk.ts";

/** Fewer cost more for the chunks' headers, more cost memory for series that are seldom written. */
export const OPEN_SAMPLES = 32;
export const SERIES_PER_SLAB = 2048;
/** Later than this after the first open sample, a time does not fit. */
const OFFSET_MAX = 2 ** 32 - 1;

/** Arrays with a place, or `OPEN_SAMPLES` places, for each series. */
export interface Slab {
  readonly value: Float64Array;
  /** Milliseconds after the base. */
  readonly offset: Uint32Array;
  readonly base: Float64Array;
  readonly newestChunk: Float64Array;
  readonly lastMs: Float64Array;
  readonly lastHistogramMs: Float64Array;
  /** How many samples are open. */
  readonly count: Uint8Array;
}

const SLAB_BYTES = SERIES_PER_SLAB * (OPEN_SAMPLES * 12 + 4 * 8 + 1);

export const slabOf = (ref: number): number => (ref / SERIES_PER_SLAB) | 0;
export const placeOf = (ref: number): number => ref % SERIES_PER_SLAB;

export class Slabs {
  readonly table: Slab[] = [];
  private readonly time = new Float64Array(OPEN_SAMPLES);
  private readonly made: (number: number, buffer: SharedArrayBuffer) => void;

  constructor(made: Slabs["made"] = () => undefined) {
    this.made = made;
  }

  get bytes(): number {
    return this.table.length * SLAB_BYTES;
  }

  /** Of a series that has a place. */
  of(ref: number): Slab {
    return this.table[slabOf(ref)] as Slab;
  }

  /** Makes places for series up to this one. */
  reach(ref: number): void {
    while (this.table.length <= slabOf(ref)) {
      const buffer = new SharedArrayBuffer(SLAB_BYTES);
      const number = this.table.push(slabOn(buffer)) - 1;
      this.made(number, buffer);
    }
  }

  /** Takes a slab of another thread. */
  adopt(number: number, buffer: SharedArrayBuffer): void {
    this.table[number] = slabOn(buffer);
  }

  /** Empties the places of a series. */
  reset(ref: number): void {
    this.of(ref).count[placeOf(ref)] = 0;
  }

  /** Takes `values[row]` with its bits. False when there is no place; then nothing happened. */
  push(ref: number, t: number, values: Float64Array, row: number): boolean {
    const { value, offset, base, count } = this.of(ref);
    const place = placeOf(ref);
    const n = count[place] as number;
    if (n === 0) base[place] = t;
    const after = t - (base[place] as number);
    if (n === OPEN_SAMPLES || after > OFFSET_MAX) return false;
    const at = place * OPEN_SAMPLES + n;
    offset[at] = after;
    const v = values[row] as number;
    if (Number.isNaN(v)) value.set(values.subarray(row, row + 1), at);
    else value[at] = v;
    count[place] = n + 1;
    return true;
  }

  count(ref: number): number {
    return this.of(ref).count[placeOf(ref)] as number;
  }

  /** `Infinity` when there is none. */
  firstMs(ref: number): number {
    const { count, base } = this.of(ref);
    const place = placeOf(ref);
    return count[place] === 0 ? Number.POSITIVE_INFINITY : (base[place] as number);
  }

  /** Arrays that hold until the next call. */
  samples(ref: number): { readonly samples: Samples; readonly count: number } {
    const { value, offset, base, count } = this.of(ref);
    const place = placeOf(ref);
    const n = count[place] as number;
    const start = place * OPEN_SAMPLES;
    const first = base[place] as number;
    for (let i = 0; i < n; i++) this.time[i] = first + (offset[start + i] as number);
    const samples = { timeMs: this.time, value: value.subarray(start, start + OPEN_SAMPLES) };
    return { samples, count: n };
  }

  /** Appends the samples in the range to `out` from row `to` on and returns the row after the last. */
  read(
    ref: number,
    { afterMs, toMs }: { readonly afterMs: number; readonly toMs: number },
    out: Samples,
    to: number,
  ): number {
    const { value, offset, base, count } = this.of(ref);
    const place = placeOf(ref);
    const n = count[place] as number;
    const start = place * OPEN_SAMPLES;
    const first = base[place] as number;
    let at = to;
    for (let i = 0; i < n; i++) {
      const t = first + (offset[start + i] as number);
      if (t <= afterMs) continue;
      if (t > toMs) break;
      const v = value[start + i] as number;
      out.timeMs[at] = t;
      if (Number.isNaN(v)) out.value.set(value.subarray(start + i, start + i + 1), at);
      else out.value[at] = v;
      at++;
    }
    return at;
  }
}

function slabOn(buffer: SharedArrayBuffer): Slab {
  let at = 0;
  const floats = (perSeries: number): Float64Array => {
    const array = new Float64Array(buffer, at, SERIES_PER_SLAB * perSeries);
    at += array.byteLength;
    return array;
  };
  const value = floats(OPEN_SAMPLES);
  const base = floats(1);
  const newestChunk = floats(1);
  const lastMs = floats(1);
  const lastHistogramMs = floats(1);
  const offset = new Uint32Array(buffer, at, SERIES_PER_SLAB * OPEN_SAMPLES);
  const count = new Uint8Array(buffer, at + offset.byteLength, SERIES_PER_SLAB);
  return { value, offset, base, newestChunk, lastMs, lastHistogramMs, count };
}
