/**
 * Rows of a table by the bytes that a sender writes for them. Bytes are compared on every hit, so two series are never
 * taken for one another. Senders write their series in the same order each time: what followed a key last is tried
 * first, which spares the hash.
 */

import { HashSlots } from "@triptych/model";

/** Shorter ones are not worth a place, and words could not be read from them. */
export const KEY_BYTES_MIN = 8;
/** Longer ones are read anew each time. */
export const KEY_BYTES_MAX = 8192;
/** Keys made to collide cost no more than this; what finds no place by then gets none. */
const PROBES_MAX = 32;
const FREE = -1;
const SEED = (Math.random() * 0x1_0000_0000) >>> 0;

export class KeyIndex {
  private used = 0;
  private arena = new DataView(new ArrayBuffer(4096));
  private arenaUsed = 0;
  private starts = new Uint32Array(65);
  private hashes = new Uint32Array(64);
  private rows = new Uint32Array(64);
  private next = new Int32Array(64).fill(FREE);
  private readonly slots = new HashSlots(PROBES_MAX);

  /** What it takes in memory. */
  get bytes(): number {
    const perEntry = this.hashes.length * 16;
    return this.arena.byteLength + perEntry + this.slots.bytes;
  }

  row(entry: number): number {
    return this.rows[entry] as number;
  }

  size(entry: number): number {
    return (this.starts[entry + 1] as number) - (this.starts[entry] as number);
  }

  /** The entry that came after this one the last time, -1 when none did. */
  after(entry: number): number {
    return entry < 0 ? FREE : (this.next[entry] as number);
  }

  /** Remembers that `entry` came after `previous`. */
  follow(previous: number, entry: number): void {
    if (previous >= 0) this.next[previous] = entry;
  }

  /** Whether the bytes of `entry` are at `start` of `view`, which must have as many there. */
  isAt(entry: number, view: DataView, start: number): boolean {
    const { arena } = this;
    const from = this.starts[entry] as number;
    // From the end, where values are, and values differ more than names.
    let i = this.size(entry) - 4;
    for (; i >= 0; i -= 4)
      if (arena.getUint32(from + i, true) !== view.getUint32(start + i, true)) return false;
    return i === -4 || arena.getUint32(from, true) === view.getUint32(start, true);
  }

  /** The entry with these bytes, or -1. */
  find(view: DataView, start: number, size: number): number {
    const hash = hashOf(view, start, size);
    const { slots, hashes } = this;
    for (let entry = slots.first(hash); entry >= 0; entry = slots.next())
      if (hashes[entry] === hash && this.size(entry) === size && this.isAt(entry, view, start))
        return entry;
    return FREE;
  }

  /** Adds bytes that `find` did not find; their entry, or -1 when there is no place for them. */
  add(view: DataView, start: number, size: number, row: number): number {
    const hash = hashOf(view, start, size);
    const entry = this.used;
    if (entry === this.hashes.length) this.growEntries();
    this.hashes[entry] = hash;
    if (!this.slots.add(hash, entry, this.hashes)) return FREE;
    this.used++;
    this.rows[entry] = row;
    const at = this.arenaUsed;
    if (at + size > this.arena.byteLength) this.growArena(at + size);
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, size);
    new Uint8Array(this.arena.buffer).set(bytes, at);
    this.arenaUsed = at + size;
    this.starts[entry + 1] = this.arenaUsed;
    return entry;
  }

  private growEntries(): void {
    const length = this.hashes.length * 2;
    this.hashes = copied(this.hashes, new Uint32Array(length));
    this.rows = copied(this.rows, new Uint32Array(length));
    this.starts = copied(this.starts, new Uint32Array(length + 1));
    this.next = copied(this.next, new Int32Array(length).fill(FREE));
  }

  private growArena(least: number): void {
    const grown = new Uint8Array(Math.max(least, this.arena.byteLength * 2));
    grown.set(new Uint8Array(this.arena.buffer, 0, this.arenaUsed));
    this.arena = new DataView(grown.buffer);
  }
}

function copied<T extends Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Four bytes at a time (the last ones overlap), each mixed into all bits. `size` is at least four. */
function hashOf(view: DataView, start: number, size: number): number {
  let hash = SEED ^ size;
  const last = start + size - 4;
  for (let at = start; at < last; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at, true), 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ view.getUint32(last, true), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
