/**
 * The Snappy framing format (`application/x-snappy-framed`): a stream of chunks, each with its own checksum. In comes
 * the whole stream, out come the decoded bytes, never more than the limit.
 */
import { TriptychError } from "@triptych/model";
import { decodeSnappy } from "./block.ts";
import { crc32c } from "./crc32c.ts";

const IDENTIFIER = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
/** The format's own bound for the decoded bytes of one chunk. */
const CHUNK_BYTES_MAX = 65_536;

function malformed(problem: string, at: number): TriptychError {
  const text = `Malformed snappy stream: ${problem} at byte ${at}.`;
  return new TriptychError("encoding_malformed", text, { offset: at });
}

/** Yields after every chunk. Errors are those of `decodeSnappy`. */
export function* decodeSnappyFramed(
  body: Uint8Array,
  maxBytes: number,
  hold: (bytes: number) => void = () => {},
): Generator<void, Uint8Array> {
  if (IDENTIFIER.some((byte, i) => body[i] !== byte)) throw malformed("no stream identifier", 0);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let pos = 0; pos < body.length; ) {
    if (pos + 4 > body.length) throw malformed("the end inside a chunk's header", pos);
    const kind = body[pos] as number;
    const size =
      (body[pos + 1] as number) +
      ((body[pos + 2] as number) << 8) +
      ((body[pos + 3] as number) << 16);
    const end = pos + 4 + size;
    if (end > body.length) throw malformed(`a chunk of ${size} bytes beyond the end`, pos);
    if (kind === 0 || kind === 1) {
      const part = yield* chunk(body.subarray(pos + 4, end), kind, pos);
      total += part.length;
      if (total > maxBytes) {
        const text = `The body decodes to more than ${maxBytes} bytes.`;
        throw new TriptychError("wire_too_large", text, { offset: pos });
      }
      hold(part.length);
      parts.push(part);
      yield;
    } else if (kind === 0xff) {
      if (IDENTIFIER.some((byte, i) => body[pos + i] !== byte))
        throw malformed("a damaged stream identifier", pos);
    } else if (kind < 0x80) throw malformed(`a chunk of the reserved type ${kind}`, pos);
    pos = end;
  }
  const out = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A data chunk: a masked checksum of the decoded bytes, then the bytes, as a block (0) or as they are (1). */
function* chunk(data: Uint8Array, kind: number, at: number): Generator<void, Uint8Array> {
  if (data.length < 4) throw malformed("a chunk without a checksum", at);
  const body = data.subarray(4);
  const part = kind === 1 ? body : yield* decodeBlock(body, at);
  if (part.length > CHUNK_BYTES_MAX)
    throw malformed(`a chunk of more than ${CHUNK_BYTES_MAX} bytes`, at);
  const want = new DataView(data.buffer, data.byteOffset, 4).getUint32(0, true);
  if (maskedChecksum(part) !== want) throw malformed("a chunk whose checksum is wrong", at);
  return part;
}

function* decodeBlock(body: Uint8Array, at: number): Generator<void, Uint8Array> {
  try {
    return yield* decodeSnappy(body, CHUNK_BYTES_MAX);
  } catch (thrown) {
    // What is too large for a chunk says nothing about the limit of the body.
    if (thrown instanceof TriptychError) throw malformed(`a bad chunk (${thrown.message})`, at);
    throw thrown;
  }
}

/** The format stores checksums rotated and shifted, so that a checksum of checksums stays sound. */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
