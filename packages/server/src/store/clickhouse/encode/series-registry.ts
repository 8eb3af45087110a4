/**
 * Which series have been written on which day, so that a series' labels are written once a day and process, not with
 * every sample. Open addressing over the 64-bit series id; bounded: when full it forgets everything, which only means
 * that labels are written once more (the table replaces equal rows).
 */
import type { SeriesTable } from "@triptych/model";

const ENTRIES_INITIAL = 1 << 12;

export class SeriesRegistry {
  private low = new Uint32Array(ENTRIES_INITIAL);
  private high = new Uint32Array(ENTRIES_INITIAL);
  /** Day plus one; 0 marks a free slot. */
  private day = new Uint32Array(ENTRIES_INITIAL);
  private used = 0;
  private ofTables = new WeakMap<SeriesTable, Uint32Array>();
  private readonly seriesMax: number;

  constructor(seriesMax: number) {
    this.seriesMax = seriesMax;
  }

  get size(): number {
    return this.used;
  }

  /**
   * Per row of a table the day, plus one, for which its series was claimed last, for the caller to look at first and
   * to keep. Of a table that does not last nothing is known at first.
   */
  daysOf(table: SeriesTable): Uint32Array {
    const known = this.ofTables.get(table);
    if (known !== undefined && known.length >= table.rows) return known;
    const days = new Uint32Array(table.lasting ? table.offsets.length : table.rows);
    if (!table.lasting) return days;
    if (known !== undefined) days.set(known);
    this.ofTables.set(table, days);
    return days;
  }

  /** True when the series must be written for `day`; from then on it counts as written. */
  claim(low: number, high: number, day: number): boolean {
    const mask = this.low.length - 1;
    let slot = (low ^ Math.imul(high, 0x9e3779b1)) & mask;
    while ((this.day[slot] as number) !== 0) {
      if (this.low[slot] === low && this.high[slot] === high) {
        if (this.day[slot] === day + 1) return false;
        this.day[slot] = day + 1;
        return true;
      }
      slot = (slot + 1) & mask;
    }
    this.low[slot] = low;
    this.high[slot] = high;
    this.day[slot] = day + 1;
    this.used++;
    if (this.used >= this.seriesMax) this.clear();
    else if (this.used * 2 > this.low.length) this.grow();
    return true;
  }

  clear(): void {
    this.low = new Uint32Array(ENTRIES_INITIAL);
    this.high = new Uint32Array(ENTRIES_INITIAL);
    this.day = new Uint32Array(ENTRIES_INITIAL);
    this.used = 0;
    this.ofTables = new WeakMap();
  }

  private grow(): void {
    const { low, high, day } = this;
    const size = low.length * 2;
    this.low = new Uint32Array(size);
    this.high = new Uint32Array(size);
    this.day = new Uint32Array(size);
    for (let i = 0; i < low.length; i++) {
      if (day[i] === 0) continue;
      let slot = ((low[i] as number) ^ Math.imul(high[i] as number, 0x9e3779b1)) & (size - 1);
      while ((this.day[slot] as number) !== 0) slot = (slot + 1) & (size - 1);
      this.low[slot] = low[i] as number;
      this.high[slot] = high[i] as number;
      this.day[slot] = day[i] as number;
    }
  }
}
