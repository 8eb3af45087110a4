/**
 * The journal's record, as bytes. Little endian:
 *
 *     magic u32 | payload length u32 | crc32 u32 over all that follows | type u8, 3 zero bytes | seq u64 | payload
 *
 * Payload of a data record: time f64 (ms) | writer u32 | hash count u32 | 16 bytes each | block count u32 | per block: kind length
 * u8, kind, partition u32, rows u32, byte length u32 | the blocks' bytes one after another. Payload of an abort
 * record: the sequence numbers (u64) of records that were written but whose senders were told that they were not.
 */
import { crc32 } from "node:zlib";
import type { Block } from "./block.ts";

export const RECORD_MAGIC = 0x314a5054;
export const RECORD_HEADER_BYTES = 24;
export const RecordType = { data: 1, abort: 2 } as const;
/** No record of ours is larger: a damaged length field is recognised by it. */
export const RECORD_BYTES_MAX = 1 << 30;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const HASH_BYTES = 16;
/** Time, writer and hash count. */
const FIXED_BYTES = 8 + 4 + 4;

export interface DataRecord {
  readonly timeMs: number;
  /** The journal that wrote it; `(writer, seq)` names a record in the store for ever. */
  readonly writer: number;
  readonly hashes: readonly Uint8Array[];
  readonly blocks: readonly Block[];
}

/** The parts of a record, to be written one after another. `payload` parts are not copied. */
export function frameRecord(
  record: { type: number; seq: number },
  payload: readonly Uint8Array[],
): Uint8Array[] {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(header.buffer);
  let length = 0;
  for (const part of payload) length += part.length;
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint32(4, length, true);
  view.setUint8(12, record.type);
  view.setBigUint64(16, BigInt(record.seq), true);
  let crc = crc32(header.subarray(12));
  for (const part of payload) crc = crc32(part, crc);
  view.setUint32(8, crc, true);
  return [header, ...payload];
}

/** Payload parts of a data record; the blocks' bytes are not copied. */
export function dataPayload(record: DataRecord): Uint8Array[] {
  let size = FIXED_BYTES + record.hashes.length * HASH_BYTES + 4;
  const kinds = record.blocks.map((block) => encoder.encode(block.kind));
  for (const kind of kinds) size += 1 + kind.length + 12;
  const head = new Uint8Array(size);
  const view = new DataView(head.buffer);
  view.setFloat64(0, record.timeMs, true);
  view.setUint32(8, record.writer, true);
  view.setUint32(12, record.hashes.length, true);
  let at = FIXED_BYTES;
  for (const hash of record.hashes) {
    head.set(hash, at);
    at += HASH_BYTES;
  }
  view.setUint32(at, record.blocks.length, true);
  at += 4;
  for (const [i, block] of record.blocks.entries()) {
    const kind = kinds[i] as Uint8Array;
    head[at] = kind.length;
    head.set(kind, at + 1);
    at += 1 + kind.length;
    view.setUint32(at, block.partition, true);
    view.setUint32(at + 4, block.rows, true);
    view.setUint32(at + 8, block.bytes.length, true);
    at += 12;
  }
  return [head, ...record.blocks.map((block) => block.bytes)];
}

/** The inverse of `dataPayload`; blocks are views on `payload`. The payload's checksum was verified before. */
export function readDataPayload(payload: Uint8Array): DataRecord {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const timeMs = view.getFloat64(0, true);
  const writer = view.getUint32(8, true);
  const hashCount = view.getUint32(12, true);
  let at = FIXED_BYTES;
  if (hashCount * HASH_BYTES > payload.length) throw new RangeError("more hashes than bytes");
  const hashes: Uint8Array[] = [];
  for (let i = 0; i < hashCount; i++, at += HASH_BYTES)
    hashes.push(payload.slice(at, at + HASH_BYTES));
  const blockCount = view.getUint32(at, true);
  at += 4;
  const heads: { kind: string; partition: number; rows: number; size: number }[] = [];
  for (let i = 0; i < blockCount; i++) {
    const kindLength = payload[at] as number;
    const kind = decoder.decode(payload.subarray(at + 1, at + 1 + kindLength));
    at += 1 + kindLength;
    heads.push({
      kind,
      partition: view.getUint32(at, true),
      rows: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
    });
    at += 12;
  }
  const blocks: Block[] = [];
  for (const { kind, partition, rows, size } of heads) {
    blocks.push({ kind, partition, rows, bytes: payload.subarray(at, at + size) });
    at += size;
  }
  return { timeMs, writer, hashes, blocks };
}

export function abortPayload(seqs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(seqs.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, seq] of seqs.entries()) view.setBigUint64(i * 8, BigInt(seq), true);
  return bytes;
}

export function readAbortPayload(payload: Uint8Array): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const seqs: number[] = [];
  for (let at = 0; at + 8 <= payload.length; at += 8)
    seqs.push(Number(view.getBigUint64(at, true)));
  return seqs;
}

export interface FoundRecord {
  readonly type: number;
  readonly seq: number;
  /** Where the record starts, and its size with header. */
  readonly offset: number;
  readonly length: number;
  readonly payload: Uint8Array;
}

/** The record that starts at `offset`, or undefined when the bytes there are not a whole, undamaged record. */
export function readRecord(bytes: Uint8Array, offset: number): FoundRecord | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_HEADER_BYTES);
  if (view.getUint32(0, true) !== RECORD_MAGIC) return undefined;
  const length = view.getUint32(4, true);
  const start = offset + RECORD_HEADER_BYTES;
  if (length > RECORD_BYTES_MAX || start + length > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + length);
  const crc = crc32(payload, crc32(bytes.subarray(offset + 12, start)));
  if (crc !== view.getUint32(8, true)) return undefined;
  return {
    type: view.getUint8(12),
    seq: Number(view.getBigUint64(16, true)),
    offset,
    length: RECORD_HEADER_BYTES + length,
    payload,
  };
}

/** Whether what starts at `offset` is the beginning of a record whose end is beyond the file. */
export function isCutShort(bytes: Uint8Array, offset: number): boolean {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_HEADER_BYTES);
  if (view.getUint32(0, true) !== RECORD_MAGIC) return false;
  return offset + RECORD_HEADER_BYTES + view.getUint32(4, true) > bytes.length;
}
