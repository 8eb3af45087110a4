/**
 * Which series have been written on which day, so that a series' labels are written once a day and process, not with
 * every sample. By the 64-bit series id; bounded: when full it forgets everything, which only means
 * that labels are written once more (the table replaces equal rows).
 */
import { HashSlots, type SeriesTable } from "@triptych/model";

const ENTRIES_INITIAL = 1 << 12;

export class SeriesRegistry {
  private low = new Uint32Array(ENTRIES_INITIAL);
  private high = new Uint32Array(ENTRIES_INITIAL);
  /** Day plus one. */
  private day = new Uint32Array(ENTRIES_INITIAL);
  private slots = new HashSlots();
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
    const { slots } = this;
    for (let entry = slots.first(low); entry >= 0; entry = slots.next()) {
      if (this.low[entry] !== low || this.high[entry] !== high) continue;
      if (this.day[entry] === day + 1) return false;
      this.day[entry] = day + 1;
      return true;
    }
    if (this.used === this.low.length) this.grow();
    const entry = this.used++;
    this.low[entry] = low;
    this.high[entry] = high;
    this.day[entry] = day + 1;
    // The words of a hash are as good as a hash of them.
    slots.add(low, entry, this.low);
    if (this.used >= this.seriesMax) this.clear();
    return true;
  }

  clear(): void {
    this.low = new Uint32Array(ENTRIES_INITIAL);
    this.high = new Uint32Array(ENTRIES_INITIAL);
    this.day = new Uint32Array(ENTRIES_INITIAL);
    this.slots = new HashSlots();
    this.used = 0;
    this.ofTables = new WeakMap();
  }

  private grow(): void {
    this.low = grown(this.low);
    this.high = grown(this.high);
    this.day = grown(this.day);
  }
}

function grown(from: Uint32Array): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(from.length * 2);
  out.set(from);
  return out;
}
