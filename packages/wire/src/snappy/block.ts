/**
 * The Snappy block format (`Content-Encoding: snappy` of remote write and Loki): in comes one compressed block, out
 * come the decoded bytes. Written for hostile input: nothing is allocated beyond the limit, no copy reads outside
 * of what was written, and the declared length must be met exactly.
 */
import { TriptychError } from "@triptych/model";

/** About a millisecond of work. */
const BYTES_PER_STEP = 256 * 1024;
/** Three bytes of input make at most 64 of output, so a longer declaration is a lie. */
const RATIO_MAX = 22;
/** Literals of more are copied by the runtime. */
const SHORT_BYTES = 64;

function malformed(problem: string, at: number): TriptychError {
  return new TriptychError("encoding_malformed", `Malformed snappy: ${problem} at byte ${at}.`, {
    offset: at,
  });
}

/** The declared length (a varint of at most 5 bytes, 32 bits) and where the elements begin. */
function readLength(body: Uint8Array): { length: number; pos: number } {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = body[i];
    if (byte === undefined) throw malformed("the block ends inside its length", i);
    if (i === 4 && byte > 0x0f) throw malformed("a length of more than 32 bits", 0);
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { length, pos: i + 1 };
  }
  throw malformed("a length of more than 5 bytes", 0);
}

/**
 * Decodes a block, in steps. Throws `wire_too_large` when it declares more than `maxBytes`, `encoding_malformed` when
 * it is damaged, cut short or followed by other bytes. `hold` is told the decoded size before it is allocated.
 */
export function* decodeSnappy(
  body: Uint8Array,
  maxBytes: number,
  hold: (bytes: number) => void = () => {},
): Generator<void, Uint8Array> {
  const { length, pos: start } = readLength(body);
  if (length > maxBytes) {
    const text = `The snappy body declares ${length} bytes, more than the limit of ${maxBytes}.`;
    throw new TriptychError("wire_too_large", text, { offset: 0 });
  }
  if (length > (body.length - start) * RATIO_MAX)
    throw malformed(`a declared length of ${length}, which ${body.length} bytes cannot reach,`, 0);
  hold(length);
  const out = new Uint8Array(length);
  const state = { in: start, out: 0 };
  const views = { from: viewOf(body), to: viewOf(out) };
  while (state.in < body.length) {
    decodeElements(body, out, { state, views });
    if (state.in < body.length) yield;
  }
  if (state.out !== length)
    throw malformed(`the end after ${state.out} of ${length} decoded bytes`, body.length);
  return out;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

interface Views {
  readonly from: DataView;
  readonly to: DataView;
}

/** Decodes elements until the input ends or a step's worth was written. */
function decodeElements(
  body: Uint8Array,
  out: Uint8Array,
  how: { readonly state: { in: number; out: number }; readonly views: Views },
): void {
  const { state, views } = how;
  let { in: pos, out: to } = state;
  const end = body.length;
  const stop = Math.min(out.length, to + BYTES_PER_STEP);
  // Where the output is full, one more element is looked at: it cannot fit and is refused.
  do {
    const at = pos;
    const tag = body[pos++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let size = tag >>> 2;
      if (size >= 60) {
        const extra = size - 59;
        if (pos + extra > end) throw malformed("the block ends inside a literal's length", at);
        size = 0;
        for (let i = 0; i < extra; i++) size += (body[pos++] as number) * 2 ** (8 * i);
      }
      size++;
      if (size > end - pos) throw malformed(`a literal of ${size} bytes beyond the end`, at);
      if (size > out.length - to) throw malformed("more bytes than the declared length", at);
      // Words may write up to three bytes too many: what comes next writes over them.
      if (size <= SHORT_BYTES && pos + size + 3 <= end && to + size + 3 <= out.length) {
        for (let i = 0; i < size; i += 4)
          views.to.setUint32(to + i, views.from.getUint32(pos + i, true), true);
      } else out.set(body.subarray(pos, pos + size), to);
      pos += size;
      to += size;
      continue;
    }
    const extra = kind === 3 ? 4 : kind;
    if (pos + extra > end) throw malformed("the block ends inside a copy", at);
    let distance = body[pos] as number;
    if (kind === 1) distance += (tag >>> 5) << 8;
    else if (kind === 2) distance += (body[pos + 1] as number) << 8;
    else
      distance +=
        ((body[pos + 1] as number) << 8) +
        ((body[pos + 2] as number) << 16) +
        (body[pos + 3] as number) * 0x100_0000;
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    pos += extra;
    if (distance === 0 || distance > to) throw malformed(`a copy from ${distance} bytes back`, at);
    if (size > out.length - to) throw malformed("more bytes than the declared length", at);
    // Byte by byte where source and target overlap within a word: that is how runs are written.
    if (distance >= 4 && to + size + 3 <= out.length) {
      const from = to - distance;
      for (let i = 0; i < size; i += 4)
        views.to.setUint32(to + i, views.to.getUint32(from + i, true), true);
      to += size;
    } else for (const stopAt = to + size; to < stopAt; to++) out[to] = out[to - distance] as number;
  } while (pos < end && to < stop);
  state.in = pos;
  state.out = to;
}
