/**
 * A dictionary of byte strings: interning gives each distinct string a small number, in order of first sight.
 * Open addressing over a 32-bit hash of the bytes; hostile keys cost probes, so the hash is seeded per process.
 */
import { ByteColumn } from "./byte-column.ts";

const SEED = (Math.random() * 0x1_0000_0000) >>> 0;
const encoder = new TextEncoder();

export class Dictionary {
  readonly entries = new ByteColumn(32, 512);
  private table = new Int32Array(64).fill(-1);
  private hashes = new Uint32Array(32);

  get size(): number {
    return this.entries.rows;
  }

  /** What it takes in memory. */
  get bytes(): number {
    const { bytes, offsets } = this.entries;
    return bytes.length + (offsets.length + this.table.length + this.hashes.length) * 4;
  }

  intern(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const mask = this.table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.table[slot] as number;
      if (id < 0) break;
      if (this.hashes[id] === hash && this.equals(id, source, start, end)) return id;
      slot = (slot + 1) & mask;
    }
    return this.add(hash, slot, source, start, end);
  }

  internText(text: string): number {
    const bytes = encoder.encode(text);
    return this.intern(bytes, 0, bytes.length);
  }

  /** The id of `text`, or -1 when it was never interned. */
  find(text: string): number {
    const bytes = encoder.encode(text);
    const hash = hashBytes(bytes, 0, bytes.length);
    const mask = this.table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.table[slot] as number;
      if (id < 0) return -1;
      if (this.hashes[id] === hash && this.equals(id, bytes, 0, bytes.length)) return id;
    }
  }

  text(id: number): string {
    return this.entries.text(id);
  }

  private equals(id: number, source: Uint8Array, start: number, end: number): boolean {
    const { bytes, offsets } = this.entries;
    const at = offsets[id] as number;
    const size = end - start;
    if ((offsets[id + 1] as number) - at !== size) return false;
    for (let i = 0; i < size; i++) if (bytes[at + i] !== source[start + i]) return false;
    return true;
  }

  private add(hash: number, slot: number, source: Uint8Array, start: number, end: number): number {
    const id = this.entries.rows;
    this.entries.append(source, start, end);
    if (id === this.hashes.length) {
      const grown = new Uint32Array(id * 2);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[id] = hash;
    this.table[slot] = id;
    if ((id + 1) * 2 > this.table.length) this.rehash();
    return id;
  }

  private rehash(): void {
    const table = new Int32Array(this.table.length * 2).fill(-1);
    const mask = table.length - 1;
    for (let id = 0; id < this.entries.rows; id++) {
      let slot = (this.hashes[id] as number) & mask;
      while ((table[slot] as number) >= 0) slot = (slot + 1) & mask;
      table[slot] = id;
    }
    this.table = table;
  }
}

/** FNV-1a with a seed and a final avalanche (murmur3's), so that neighbouring keys spread. */
function hashBytes(source: Uint8Array, start: number, end: number): number {
  let hash = SEED;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] as number), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}
