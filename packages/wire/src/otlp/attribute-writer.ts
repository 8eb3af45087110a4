/**
 * Writes one item's attributes at a time into attribute columns: keeps the last of equal keys, and no more entries
 * than the limit. The value is appended to `columns.values` first, then `add` names it.
 */
import type { AttributeColumns, Dictionary } from "@triptych/model";
import type { TextScratch } from "./value-text.ts";

/** Bounds of one value and one item, and the buffer that composite values are built in. */
export interface ValueRules {
  readonly valueBytesMax: number;
  readonly depthMax: number;
  readonly attributesMax: number;
  readonly scratch: TextScratch;
}

export class AttributeWriter {
  readonly columns: AttributeColumns;
  readonly keys: Dictionary;
  readonly rules: ValueRules;
  /** Attributes of the open item that were beyond the limit. */
  dropped = 0;
  private first = 0;
  private serial = 0;
  private repeated = false;
  /** Per key id the serial of the last item that had it: finds repeated keys without comparing pairs. */
  private seenIn = new Uint32Array(64);
  /** The keys of the item before: the next one mostly has the same in the same places, which saves hashing them. */
  private readonly guesses = new Int32Array(32).fill(-1);

  constructor(columns: AttributeColumns, keys: Dictionary, rules: ValueRules) {
    this.columns = columns;
    this.keys = keys;
    this.rules = rules;
  }

  begin(): void {
    this.first = this.columns.entries;
    this.serial++;
    this.dropped = 0;
    this.repeated = false;
  }

  /** True when the open item takes no more attributes; the caller skips them and counts `dropped`. */
  get full(): boolean {
    return this.columns.entries - this.first >= this.rules.attributesMax;
  }

  /** Names the value last appended to `columns.values` by the key `source[start .. end)`. */
  add(kind: number, source: Uint8Array, start: number, end: number): void {
    const place = this.columns.entries - this.first;
    let key = place < this.guesses.length ? (this.guesses[place] as number) : -1;
    if (key < 0 || !this.isKey(key, source, start, end)) {
      key = this.keys.intern(source, start, end);
      if (place < this.guesses.length) this.guesses[place] = key;
    }
    this.addKey(kind, key);
  }

  private isKey(key: number, source: Uint8Array, start: number, end: number): boolean {
    const { bytes, offsets } = this.keys.entries;
    const at = offsets[key] as number;
    const size = end - start;
    if ((offsets[key + 1] as number) - at !== size) return false;
    for (let i = 0; i < size; i++) if (bytes[at + i] !== source[start + i]) return false;
    return true;
  }

  /** The same with a key that was interned before. */
  addKey(kind: number, key: number): void {
    if (key >= this.seenIn.length) {
      const grown = new Uint32Array(key * 2);
      grown.set(this.seenIn);
      this.seenIn = grown;
    }
    if (this.seenIn[key] === this.serial) this.repeated = true;
    else this.seenIn[key] = this.serial;
    this.columns.addEntry(key, kind);
  }

  end(): void {
    if (this.repeated) this.dropRepeated();
    this.columns.endRow();
  }

  /** Forgets the open item. */
  undo(): void {
    this.columns.entries = this.first;
    this.columns.values.rows = this.first;
  }

  /** Forgets all closed items too: for columns that are only a place to read one item from. */
  clear(): void {
    this.columns.rows = 0;
    this.columns.entries = 0;
    this.columns.values.rows = 0;
  }

  private dropRepeated(): void {
    const { keys, kinds, values, entries } = this.columns;
    const lastAt = new Map<number, number>();
    for (let i = this.first; i < entries; i++) lastAt.set(keys[i] as number, i);
    let to = this.first;
    let byteTo = values.offsets[to] as number;
    for (let i = this.first; i < entries; i++) {
      if (lastAt.get(keys[i] as number) !== i) continue;
      const start = values.offsets[i] as number;
      const end = values.offsets[i + 1] as number;
      values.bytes.copyWithin(byteTo, start, end);
      keys[to] = keys[i] as number;
      kinds[to] = kinds[i] as number;
      byteTo += end - start;
      to++;
      values.offsets[to] = byteTo;
    }
    this.columns.entries = to;
    values.rows = to;
  }
}
