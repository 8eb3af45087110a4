/**
 * Walks the structure of a Zstandard body (RFC 8878) without decompressing it. In come the compressed bytes, out
 * come its frames with an upper bound of what each grows to, so that nothing is allocated on a sender's word.
 */
import { TriptychError } from "@triptych/model";
import { tooLarge } from "./inflate-stream.ts";

const MAGIC = 0xfd2fb528;
/** Skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F. */
const SKIPPABLE_MAGIC = 0x184d2a50;
/** RFC 9659: a frame sent as a content encoding must not need more than 8 MB of window. */
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
const BLOCK_BYTES_MAX = 128 * 1024;
/** Parallel encoders write a frame per few megabytes; more frames than this is an attack. */
const FRAMES_MAX = 1024;

/** One frame of data; `start` and `end` are offsets in the body, checksum included. */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  /** What the frame declares, or -1. */
  readonly contentBytes: number;
  /** What its blocks grow to at least (those that are stored or repeat one byte) and at most. */
  readonly atLeastBytes: number;
  readonly boundBytes: number;
  readonly windowBytes: number;
  readonly blocks: number;
}

/**
 * The frames of `body` in order. Throws `wire_too_large` when a frame declares more than `maxBytes`, and
 * `encoding_malformed` when the structure is broken, cut short or followed by anything else.
 */
export function walkZstdFrames(body: Uint8Array, maxBytes: number): ZstdFrame[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const frames: ZstdFrame[] = [];
  let at = 0;
  let seen = 0;
  let declared = 0;
  while (at < body.length) {
    if (++seen > FRAMES_MAX) throw malformed(`more than ${FRAMES_MAX} frames`);
    need(body, at, 4);
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      need(body, at, 8);
      const size = view.getUint32(at + 4, true);
      need(body, at, 8 + size);
      at += 8 + size;
      continue;
    }
    if (magic !== MAGIC) throw malformed(`no frame starts at byte ${at}`);
    const frame = readFrame(view, at, maxBytes - declared);
    declared += Math.max(frame.contentBytes, frame.atLeastBytes);
    if (declared > maxBytes) throw tooLarge(maxBytes);
    frames.push(frame);
    at = frame.end;
  }
  if (seen === 0) throw malformed("it is empty");
  return frames;
}

interface Header {
  readonly end: number;
  readonly contentBytes: number;
  readonly windowBytes: number;
  readonly checksum: boolean;
}

function readFrame(view: DataView, start: number, maxBytes: number): ZstdFrame {
  const header = readHeader(view, start);
  const { contentBytes, windowBytes } = header;
  if (contentBytes > maxBytes) throw tooLarge(maxBytes);
  if (windowBytes > WINDOW_BYTES_MAX && contentBytes !== 0) {
    throw malformed(`it needs a window of ${windowBytes} bytes; the limit is ${WINDOW_BYTES_MAX}`);
  }
  const walked = walkBlocks(view, header.end, Math.min(windowBytes, BLOCK_BYTES_MAX));
  const end = walked.end + (header.checksum ? 4 : 0);
  if (end > view.byteLength) throw malformed("it ends inside the checksum");
  const boundBytes =
    contentBytes >= 0 ? Math.min(contentBytes, walked.boundBytes) : walked.boundBytes;
  if (contentBytes > walked.boundBytes) {
    throw malformed(`a frame declares ${contentBytes} bytes but cannot hold them`);
  }
  const { atLeastBytes, blocks } = walked;
  return { start, end, contentBytes, atLeastBytes, boundBytes, windowBytes, blocks };
}

function readHeader(view: DataView, start: number): Header {
  if (start + 6 > view.byteLength) throw malformed("it ends inside a frame header");
  const descriptor = view.getUint8(start + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeCode = descriptor >> 6;
  const sizeBytes = sizeCode === 0 ? (singleSegment ? 1 : 0) : 1 << sizeCode;
  if ((descriptor & 0x08) !== 0) throw malformed("a reserved bit of the frame header is set");
  let at = start + 5;
  const end = at + (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  if (end > view.byteLength) throw malformed("it ends inside a frame header");
  let windowBytes = 0;
  if (!singleSegment) {
    const descriptorByte = view.getUint8(at++);
    const base = 2 ** (10 + (descriptorByte >> 3));
    windowBytes = base + (base / 8) * (descriptorByte & 7);
  }
  for (let i = 0; i < dictionaryBytes; i++) {
    if (view.getUint8(at++) !== 0) throw malformed("it needs a dictionary");
  }
  const contentBytes = readContentSize(view, at, sizeBytes);
  return {
    end,
    contentBytes,
    windowBytes: singleSegment ? contentBytes : windowBytes,
    checksum: (descriptor & 0x04) !== 0,
  };
}

function readContentSize(view: DataView, at: number, sizeBytes: number): number {
  switch (sizeBytes) {
    case 0:
      return -1;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function walkBlocks(
  view: DataView,
  start: number,
  blockBytesMax: number,
): { end: number; atLeastBytes: number; boundBytes: number; blocks: number } {
  let at = start;
  let atLeastBytes = 0;
  let boundBytes = 0;
  let blocks = 0;
  for (;;) {
    const block = readBlock(view, at);
    if (block.type === RESERVED) throw malformed(`block ${blocks} has a reserved type`);
    if (block.size > BLOCK_BYTES_MAX) throw malformed(`block ${blocks} is larger than one can be`);
    if (block.end > view.byteLength) throw malformed("it ends inside a block");
    if (block.type !== COMPRESSED) atLeastBytes += block.size;
    boundBytes += block.type === COMPRESSED ? blockBytesMax : block.size;
    at = block.end;
    blocks++;
    if (block.last) return { end: at, atLeastBytes, boundBytes, blocks };
  }
}

/** Block types; 0 is stored as it is. */
const REPEATED_BYTE = 1;
const COMPRESSED = 2;
const RESERVED = 3;

/** A block header is 3 bytes, little-endian: last flag, 2 bits of type, 21 bits of size. */
function readBlock(
  view: DataView,
  at: number,
): { last: boolean; type: number; size: number; end: number } {
  if (at + 3 > view.byteLength) throw malformed("it ends inside a block header");
  const word = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  const type = (word >> 1) & 3;
  const size = word >>> 3;
  return { last: (word & 1) === 1, type, size, end: at + 3 + (type === REPEATED_BYTE ? 1 : size) };
}

/**
 * Cuts a frame into pieces at block boundaries, each of at most `blocksMax` blocks; the first begins with the
 * frame header, the last ends with the checksum.
 */
export function* frameSlices(
  body: Uint8Array,
  frame: ZstdFrame,
  blocksMax: number,
): Generator<Uint8Array> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let from = frame.start;
  let at = readHeader(view, frame.start).end;
  for (let block = 1; block < frame.blocks; block++) {
    at = readBlock(view, at).end;
    if (block % blocksMax === 0) {
      yield body.subarray(from, at);
      from = at;
    }
  }
  yield body.subarray(from, frame.end);
}

/** A block without its header; `size` is what one that is not compressed unpacks to. */
export interface ZstdBlock {
  readonly start: number;
  readonly end: number;
  readonly compressed: boolean;
  readonly size: number;
}

/** The blocks of a frame that was walked before, in order. */
export function* frameBlocks(body: Uint8Array, frame: ZstdFrame): Generator<ZstdBlock> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = readHeader(view, frame.start).end;
  for (let i = 0; i < frame.blocks; i++) {
    const { type, size, end } = readBlock(view, at);
    yield { start: at + 3, end, compressed: type === COMPRESSED, size };
    at = end;
  }
}

function need(body: Uint8Array, at: number, size: number): void {
  if (at + size > body.length) throw malformed(`it ends at byte ${body.length} inside a frame`);
}

function malformed(why: string): TriptychError {
  return new TriptychError("encoding_malformed", `The zstd body cannot be decompressed: ${why}.`);
}
