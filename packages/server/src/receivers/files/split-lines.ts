/** Splits a chunk of a file into lines. Offsets are within the chunk; nothing is copied. */

export interface Lines {
  readonly count: number;
  /** Without the line end, also without the `\r` of `\r\n`. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Where the next line begins. */
  readonly nexts: readonly number[];
}

export interface SplitOptions {
  /** Bytes of a character's unit: 2 for UTF-16. */
  readonly unit: 1 | 2;
  /** UTF-16 with the high byte first. */
  readonly bigEndian: boolean;
  /** Take what stands behind the last line end as a line too. */
  readonly withRest: boolean;
}

/** A chunk of empty lines would be a million; what follows is the next chunk's. A batch may have ten times as many. */
const LINES_MAX = 50_000;
const LF = 0x0a;
const CR = 0x0d;

export function splitLines(bytes: Uint8Array, options: SplitOptions): Lines {
  const starts: number[] = [];
  const ends: number[] = [];
  const nexts: number[] = [];
  const add = (start: number, end: number, next: number): void => {
    starts.push(start);
    ends.push(end);
    nexts.push(next);
  };
  let start = 0;
  for (;;) {
    const at = lineEnd(bytes, start, options);
    if (at < 0) break;
    add(start, withoutReturn(bytes, start, at, options), at + options.unit);
    start = at + options.unit;
    if (starts.length >= LINES_MAX) return { count: starts.length, starts, ends, nexts };
  }
  if (options.withRest && start < bytes.length) add(start, bytes.length, bytes.length);
  return { count: starts.length, starts, ends, nexts };
}

function lineEnd(bytes: Uint8Array, from: number, { unit, bigEndian }: SplitOptions): number {
  if (unit === 1) return bytes.indexOf(LF, from);
  const low = bigEndian ? 1 : 0;
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const begin = at - low;
    if ((begin - from) % 2 !== 0 || begin < from || begin + 1 >= bytes.length) continue;
    if (bytes[begin + 1 - low] === 0) return begin;
  }
  return -1;
}

function withoutReturn(
  bytes: Uint8Array,
  start: number,
  end: number,
  { unit, bigEndian }: SplitOptions,
): number {
  if (end - start < unit) return end;
  const at = unit === 1 ? end - 1 : bigEndian ? end - 1 : end - 2;
  if (bytes[at] !== CR) return end;
  if (unit === 2 && bytes[bigEndian ? end - 2 : end - 1] !== 0) return end;
  return end - unit;
}
