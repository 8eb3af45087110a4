/** Matches the names of JSON members, given as bytes, against a list without making strings. */

/** Names of an object's members that a reader wants; `match` gives the index in the list. */
export class JsonNames {
  /** What `match` gives for other names. */
  readonly other: number;
  private readonly byLength: (readonly { bytes: Uint8Array; index: number }[])[] = [];

  /** With `others` the reader wants the other members too, as index `names.length`: to skip them in steps. */
  constructor(names: readonly string[], others = false) {
    this.other = others ? names.length : -1;
    const encoder = new TextEncoder();
    names.forEach((name, index) => {
      const bytes = encoder.encode(name);
      this.byLength[bytes.length] = [...(this.byLength[bytes.length] ?? []), { bytes, index }];
    });
  }

  match(source: Uint8Array, start: number, end: number): number {
    const candidates = this.byLength[end - start];
    if (candidates === undefined) return this.other;
    for (const { bytes, index } of candidates) {
      let i = 0;
      while (i < bytes.length && bytes[i] === source[start + i]) i++;
      if (i === bytes.length) return index;
    }
    return this.other;
  }
}
