/**
 * Attributes of many items as columns: item `i` owns entries `offsets[i] .. offsets[i + 1]`; each entry is a key
 * (an id of the batch's key dictionary), the kind of its value, and the value's text form. The text form is what
 * the store keeps and what query languages compare; together with the kind it restores the value exactly.
 */
import { ByteColumn, grownU8, grownU32 } from "./byte-column.ts";

/**
 * The kinds of an OTLP AnyValue. Text forms: string as it is, boolean `true`/`false`, int decimal, double the
 * shortest text that parses back, bytes base64, array and map JSON (64-bit ints exact, bytes in them base64).
 */
export const ValueKind = {
  empty: 0,
  string: 1,
  boolean: 2,
  int: 3,
  double: 4,
  bytes: 5,
  array: 6,
  map: 7,
} as const;
export type ValueKind = (typeof ValueKind)[keyof typeof ValueKind];

export class AttributeColumns {
  /** Items closed so far. */
  rows = 0;
  offsets: Uint32Array<ArrayBuffer>;
  /** Entries of all items, the open one included. */
  entries = 0;
  keys: Uint32Array<ArrayBuffer>;
  kinds: Uint8Array<ArrayBuffer>;
  readonly values: ByteColumn;

  constructor(rowsHint = 16, entriesHint = 64) {
    this.offsets = new Uint32Array(rowsHint + 1);
    this.keys = new Uint32Array(entriesHint);
    this.kinds = new Uint8Array(entriesHint);
    this.values = new ByteColumn(entriesHint, entriesHint * 16);
  }

  /** Records key and kind of one entry of the open item; the caller appends its value to `values`, before or after. */
  addEntry(key: number, kind: number): void {
    const at = this.entries;
    if (at === this.keys.length) {
      this.keys = grownU32(this.keys, at + 1);
      this.kinds = grownU8(this.kinds, at + 1);
    }
    this.keys[at] = key;
    this.kinds[at] = kind;
    this.entries = at + 1;
  }

  /** Closes the open item. */
  endRow(): void {
    if (this.rows + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, this.rows + 2);
    this.rows++;
    this.offsets[this.rows] = this.entries;
  }

  /** Entry index of `key` in item `row`, the last one if it occurs twice, or -1. */
  find(row: number, key: number): number {
    const start = this.offsets[row] as number;
    for (let i = (this.offsets[row + 1] as number) - 1; i >= start; i--)
      if (this.keys[i] === key) return i;
    return -1;
  }
}
