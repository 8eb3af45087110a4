/**
 * Numbers of entries by a 32-bit hash of theirs: open addressing. A table that becomes too full is not written anew at
 * once, which for a million entries takes a tenth of a second, but with each of the additions that follow, a little;
 * until then both are looked through. The owner keeps the entries and their hashes, and compares.
 */

const FREE = 0;
const REMOVED = -1;
const SLOTS_MIN = 64;
/** More than a sixteenth of the additions that fill the larger table would need. */
const MOVED_PER_ADD = 16;

export class HashSlots {
  /** Entry plus one. */
  private table = new Int32Array(SLOTS_MIN);
  /** What `table` replaces, and how many of its slots have been moved. */
  private old: Int32Array<ArrayBuffer> | undefined;
  private moved = 0;
  /** Slots of `table` and `old` that are not free, at most. */
  private used = 0;
  private live = 0;
  private readonly probesMax: number;
  /** Where the search is. */
  private current: Int32Array<ArrayBuffer> = this.table;
  private at = 0;
  private hash = 0;
  private probes = 0;

  /** With a bound, entries whose hashes are made to collide find no place instead of costing time. */
  constructor(probesMax = Number.POSITIVE_INFINITY) {
    this.probesMax = probesMax;
  }

  get bytes(): number {
    return (this.table.length + (this.old?.length ?? 0)) * 4;
  }

  /**
   * The first entry that may have this hash, -1 when there is none; `next` gives the others. Entries with other hashes
   * are among them, and one may come twice. Ends with the next change.
   */
  first(hash: number): number {
    this.current = this.table;
    this.hash = hash;
    this.at = hash & (this.table.length - 1);
    this.probes = 0;
    return this.entryAt();
  }

  next(): number {
    this.at = (this.at + 1) & (this.current.length - 1);
    return this.entryAt();
  }

  private entryAt(): number {
    for (;;) {
      const { current } = this;
      const found = current[this.at] as number;
      if (found === FREE || this.probes++ >= this.probesMax) {
        const { old } = this;
        if (old === undefined || current === old) return -1;
        this.current = old;
        this.at = this.hash & (old.length - 1);
        this.probes = 0;
        continue;
      }
      if (found !== REMOVED) return found - 1;
      this.at = (this.at + 1) & (current.length - 1);
    }
  }

  /** Adds an entry that is not there. `hashes` has those of all that are, by entry. False: there is no place. */
  add(hash: number, entry: number, hashes: Uint32Array): boolean {
    if ((this.used + 1) * 2 > this.table.length) this.grow(hashes);
    if (this.old !== undefined) this.move(hashes, MOVED_PER_ADD);
    if (!this.put(hash, entry)) return false;
    this.used++;
    this.live++;
    return true;
  }

  remove(hash: number, entry: number): void {
    let found = 0;
    for (const table of this.old === undefined ? [this.table] : [this.table, this.old]) {
      const mask = table.length - 1;
      let slot = hash & mask;
      while (table[slot] !== FREE && table[slot] !== entry + 1) slot = (slot + 1) & mask;
      if (table[slot] === FREE) continue;
      table[slot] = REMOVED;
      found = 1;
    }
    this.live -= found;
  }

  private put(hash: number, entry: number): boolean {
    const { table, probesMax } = this;
    const mask = table.length - 1;
    let slot = hash & mask;
    for (let probe = 1; table[slot] !== FREE; probe++) {
      if (probe >= probesMax) return false;
      slot = (slot + 1) & mask;
    }
    table[slot] = entry + 1;
    return true;
  }

  private grow(hashes: Uint32Array): void {
    if (this.old !== undefined) this.move(hashes, this.old.length);
    let length = SLOTS_MIN;
    while (length < this.live * 4) length *= 2;
    this.old = this.table;
    this.table = new Int32Array(length);
    this.moved = 0;
    this.used = this.live;
  }

  /** What finds no place is not found any more. */
  private move(hashes: Uint32Array, slots: number): void {
    const old = this.old as Int32Array;
    const to = Math.min(old.length, this.moved + slots);
    for (let slot = this.moved; slot < to; slot++) {
      const entry = (old[slot] as number) - 1;
      if (entry >= 0) this.put(hashes[entry] as number, entry);
    }
    this.moved = to;
    if (to === old.length) this.old = undefined;
  }
}
