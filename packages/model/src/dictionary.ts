/**
 * A dictionary of byte strings: interning gives each distinct string a small number, in order of first sight.
 * Looked up by a 32-bit hash of the bytes; hostile keys cost probes, so the hash is seeded per process.
 */
import { ByteColumn } from "./byte-column.ts";
import { HashSlots } from "./hash-slots.ts";

const SEED = (Math.random() * 0x1_0000_0000) >>> 0;
const encoder = new TextEncoder();

export class Dictionary {
  readonly entries = new ByteColumn(32, 512);
  private readonly slots = new HashSlots();
  private hashes = new Uint32Array(32);

  get size(): number {
    return this.entries.rows;
  }

  /** What it takes in memory. */
  get bytes(): number {
    const { bytes, offsets } = this.entries;
    return bytes.length + (offsets.length + this.hashes.length) * 4 + this.slots.bytes;
  }

  intern(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const known = this.known(hash, source, start, end);
    return known < 0 ? this.add(hash, source, start, end) : known;
  }

  internText(text: string): number {
    const bytes = encoder.encode(text);
    return this.intern(bytes, 0, bytes.length);
  }

  /** The id of `text`, or -1 when it was never interned. */
  find(text: string): number {
    const bytes = encoder.encode(text);
    return this.known(hashBytes(bytes, 0, bytes.length), bytes, 0, bytes.length);
  }

  text(id: number): string {
    return this.entries.text(id);
  }

  private known(hash: number, source: Uint8Array, start: number, end: number): number {
    const { slots, hashes } = this;
    for (let id = slots.first(hash); id >= 0; id = slots.next())
      if (hashes[id] === hash && this.equals(id, source, start, end)) return id;
    return -1;
  }

  private equals(id: number, source: Uint8Array, start: number, end: number): boolean {
    const { bytes, offsets } = this.entries;
    const at = offsets[id] as number;
    const size = end - start;
    if ((offsets[id + 1] as number) - at !== size) return false;
    for (let i = 0; i < size; i++) if (bytes[at + i] !== source[start + i]) return false;
    return true;
  }

  private add(hash: number, source: Uint8Array, start: number, end: number): number {
    const id = this.entries.rows;
    this.entries.append(source, start, end);
    if (id === this.hashes.length) {
      const grown = new Uint32Array(id * 2);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[id] = hash;
    this.slots.add(hash, id, this.hashes);
    return id;
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
