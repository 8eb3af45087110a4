/**
 * A set of series by the 64-bit hash of their labels, with a number and the last sample of each: what a target showed
 * at its last scrape. Typed arrays, because there is one for each target and most have thousands of series.
 */

const EMPTY = -1;

export class SeriesIndex {
  size = 0;
  private slots: Int32Array;
  private low: Uint32Array;
  private high: Uint32Array;
  /** What the caller keeps per entry. */
  row: Uint32Array;
  flag: Uint8Array;
  timeMs: Float64Array;
  value: Float64Array;

  constructor(hint = 16) {
    const capacity = Math.max(16, hint);
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2))).fill(EMPTY);
    this.low = new Uint32Array(capacity);
    this.high = new Uint32Array(capacity);
    this.row = new Uint32Array(capacity);
    this.flag = new Uint8Array(capacity);
    this.timeMs = new Float64Array(capacity);
    this.value = new Float64Array(capacity);
  }

  /** The entry with this hash, or -1. */
  find(low: number, high: number): number {
    const mask = this.slots.length - 1;
    for (let slot = mix(low, high) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot] as number;
      if (entry === EMPTY) return EMPTY;
      if (this.low[entry] === low && this.high[entry] === high) return entry;
    }
  }

  /** Adds an entry that is not there yet; returns its number, which counts up from 0. */
  add(low: number, high: number, row: number): number {
    const entry = this.size++;
    if (entry === this.low.length) this.grow();
    this.low[entry] = low;
    this.high[entry] = high;
    this.row[entry] = row;
    this.place(entry);
    return entry;
  }

  /** Whether entry `entry` has this hash: quick when a target shows its series in the same order each time. */
  is(entry: number, low: number, high: number): boolean {
    return entry < this.size && this.low[entry] === low && this.high[entry] === high;
  }

  /** The entry here for one of another index, or -1. */
  twin(other: SeriesIndex, entry: number): number {
    return this.find(other.low[entry] as number, other.high[entry] as number);
  }

  /** The same, quick when both indexes are in the same order. */
  twinNear(other: SeriesIndex, entry: number): number {
    const low = other.low[entry] as number;
    const high = other.high[entry] as number;
    return this.is(entry, low, high) ? entry : this.find(low, high);
  }

  /** Takes over an entry of another index that is not here yet, with all that is kept of it. */
  take(other: SeriesIndex, from: number): number {
    const { low, high, row } = other;
    const entry = this.add(low[from] as number, high[from] as number, row[from] as number);
    this.flag[entry] = other.flag[from] as number;
    this.timeMs[entry] = other.timeMs[from] as number;
    this.value[entry] = other.value[from] as number;
    return entry;
  }

  private place(entry: number): void {
    const mask = this.slots.length - 1;
    let slot = mix(this.low[entry] as number, this.high[entry] as number) & mask;
    while (this.slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.slots[slot] = entry;
  }

  private grow(): void {
    const capacity = this.low.length * 2;
    this.low = grown(this.low, new Uint32Array(capacity));
    this.high = grown(this.high, new Uint32Array(capacity));
    this.row = grown(this.row, new Uint32Array(capacity));
    this.flag = grown(this.flag, new Uint8Array(capacity));
    this.timeMs = grown(this.timeMs, new Float64Array(capacity));
    this.value = grown(this.value, new Float64Array(capacity));
    this.slots = new Int32Array(this.slots.length * 2).fill(EMPTY);
    for (let entry = 0; entry < this.size - 1; entry++) this.place(entry);
  }
}

function grown<T extends Uint32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function mix(low: number, high: number): number {
  return Math.imul(low ^ (high >>> 7), 0x9e3779b1) >>> 4;
}
