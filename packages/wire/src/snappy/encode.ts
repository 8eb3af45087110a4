/** Writes Snappy blocks: for what we send ourselves and for tests. Greedy matches of four bytes or more. */

const BLOCK_BYTES = 65_536;
const TABLE_BITS = 14;
const MATCH_BYTES_MIN = 4;
const COPY_BYTES_MAX = 64;

export function encodeSnappy(input: Uint8Array): Uint8Array<ArrayBuffer> {
  // The longest a block can become: what does not compress costs a header a piece of 64 KiB.
  const out = new Uint8Array(32 + input.length + Math.ceil(input.length / 6));
  let to = 0;
  let rest = input.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out[to++] = (rest % 128) + 128;
  out[to++] = rest;
  const table = new Int32Array(1 << TABLE_BITS);
  for (let start = 0; start < input.length; start += BLOCK_BYTES) {
    table.fill(-1);
    to = encodePiece(
      input,
      { start, end: Math.min(input.length, start + BLOCK_BYTES), table },
      out,
      to,
    );
  }
  return out.slice(0, to);
}

function encodePiece(
  input: Uint8Array,
  piece: { readonly start: number; readonly end: number; readonly table: Int32Array },
  out: Uint8Array,
  at: number,
): number {
  const { start, end, table } = piece;
  let to = at;
  let literal = start;
  for (let pos = start; pos + MATCH_BYTES_MIN <= end; ) {
    const hash = Math.imul(word(input, pos), 0x1e35a7bd) >>> (32 - TABLE_BITS);
    const candidate = table[hash] as number;
    table[hash] = pos;
    if (candidate < 0 || word(input, candidate) !== word(input, pos)) {
      pos++;
      continue;
    }
    let size = MATCH_BYTES_MIN;
    while (pos + size < end && input[candidate + size] === input[pos + size]) size++;
    to = writeLiteral(input, literal, pos, { out, to });
    to = writeCopy(out, to, pos - candidate, size);
    pos += size;
    literal = pos;
  }
  return writeLiteral(input, literal, end, { out, to });
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function writeLiteral(
  input: Uint8Array,
  start: number,
  end: number,
  target: { readonly out: Uint8Array; readonly to: number },
): number {
  const { out } = target;
  let { to } = target;
  const size = end - start - 1;
  if (size < 0) return to;
  if (size < 60) out[to++] = size << 2;
  else if (size < 256) {
    out[to++] = 60 << 2;
    out[to++] = size;
  } else {
    out[to++] = 61 << 2;
    out[to++] = size & 0xff;
    out[to++] = size >>> 8;
  }
  out.set(input.subarray(start, end), to);
  return to + end - start;
}

/** Copies with two bytes of distance; a piece is never longer than they reach. */
function writeCopy(out: Uint8Array, at: number, distance: number, size: number): number {
  let to = at;
  for (let rest = size; rest > 0; rest -= COPY_BYTES_MAX) {
    out[to++] = ((Math.min(rest, COPY_BYTES_MAX) - 1) << 2) | 2;
    out[to++] = distance & 0xff;
    out[to++] = distance >>> 8;
  }
  return to;
}
