/** A map by texts that never takes long to grow: one with very many is split into parts, which grow one by one. */

/** A map of so many grows within some milliseconds. */
const PART_MAX = 32_768;
const PARTS = 64;

export class TextMap<T> {
  private first = new Map<string, T>();
  /** Once there are many, in place of `first`. */
  private parts: readonly Map<string, T>[] | undefined;
  size = 0;

  get(text: string): T | undefined {
    return this.partOf(text).get(text);
  }

  set(text: string, value: T): void {
    const part = this.partOf(text);
    const before = part.size;
    part.set(text, value);
    this.size += part.size - before;
    if (this.parts === undefined && this.size > PART_MAX) this.split();
  }

  delete(text: string): boolean {
    const was = this.partOf(text).delete(text);
    if (was) this.size--;
    return was;
  }

  /** In no order. */
  *entries(): Generator<[text: string, value: T]> {
    for (const part of this.parts ?? [this.first]) yield* part.entries();
  }

  *keys(): Generator<string> {
    for (const part of this.parts ?? [this.first]) yield* part.keys();
  }

  private partOf(text: string): Map<string, T> {
    return this.parts === undefined ? this.first : (this.parts[placeOf(text)] as Map<string, T>);
  }

  private split(): void {
    const parts = Array.from({ length: PARTS }, () => new Map<string, T>());
    for (const [text, value] of this.first)
      (parts[placeOf(text)] as Map<string, T>).set(text, value);
    this.first = new Map();
    this.parts = parts;
  }
}

/** By the last characters, in which values of a label differ most. */
function placeOf(text: string): number {
  const { length } = text;
  let hash = length;
  for (let at = Math.max(0, length - LOOKED_AT); at < length; at++)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % PARTS;
}

const LOOKED_AT = 6;
