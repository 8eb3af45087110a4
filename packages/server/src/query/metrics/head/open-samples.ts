/** The newest samples of each series, not yet in a chunk: a few places for each in slabs that many series share. */
import type { Samples } from "./chunk.ts";

/** Fewer cost more for the chunks' headers, more cost memory for series that are seldom written. */
export const OPEN_SAMPLES = 32;
const SERIES_PER_SLAB = 2048;
/** Later than this after the first open sample, a time does not fit. */
const OFFSET_MAX = 2 ** 32 - 1;

interface Slab {
  readonly value: Float64Array;
  /** Milliseconds after the base. */
  readonly offset: Uint32Array;
  readonly base: Float64Array;
  readonly count: Uint8Array;
}

const SLAB_BYTES = SERIES_PER_SLAB * (OPEN_SAMPLES * 12 + 9);

export class OpenSamples {
  private readonly slabs: Slab[] = [];
  private readonly time = new Float64Array(OPEN_SAMPLES);

  get bytes(): number {
    return this.slabs.length * SLAB_BYTES;
  }

  /** Empties the places of a series, and makes them when they are not there. */
  reset(ref: number): void {
    const slab = Math.floor(ref / SERIES_PER_SLAB);
    while (this.slabs.length <= slab) this.slabs.push(newSlab());
    (this.slabs[slab] as Slab).count[ref % SERIES_PER_SLAB] = 0;
  }

  /** Takes `values[row]` with its bits. False when there is no place; then nothing happened. */
  push(ref: number, t: number, values: Float64Array, row: number): boolean {
    const { value, offset, base, count } = this.slabs[Math.floor(ref / SERIES_PER_SLAB)] as Slab;
    const place = ref % SERIES_PER_SLAB;
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
    const slab = this.slabs[Math.floor(ref / SERIES_PER_SLAB)] as Slab;
    return slab.count[ref % SERIES_PER_SLAB] as number;
  }

  /** `Infinity` when there is none. */
  firstMs(ref: number): number {
    const slab = this.slabs[Math.floor(ref / SERIES_PER_SLAB)] as Slab;
    const place = ref % SERIES_PER_SLAB;
    return slab.count[place] === 0 ? Number.POSITIVE_INFINITY : (slab.base[place] as number);
  }

  /** Arrays that hold until the next call. */
  samples(ref: number): { readonly samples: Samples; readonly count: number } {
    const { value, offset, base, count } = this.slabs[Math.floor(ref / SERIES_PER_SLAB)] as Slab;
    const place = ref % SERIES_PER_SLAB;
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
    const { value, offset, base, count } = this.slabs[Math.floor(ref / SERIES_PER_SLAB)] as Slab;
    const place = ref % SERIES_PER_SLAB;
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

function newSlab(): Slab {
  return {
    value: new Float64Array(SERIES_PER_SLAB * OPEN_SAMPLES),
    offset: new Uint32Array(SERIES_PER_SLAB * OPEN_SAMPLES),
    base: new Float64Array(SERIES_PER_SLAB),
    count: new Uint8Array(SERIES_PER_SLAB),
  };
}
