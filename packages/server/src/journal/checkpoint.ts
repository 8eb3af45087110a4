/**
 * The checkpoint: up to which record everything is in the store, and the request hashes of the last minutes, so that
 * segments can be deleted without forgetting which requests were acknowledged. Replaced whole; a damaged one is
 * ignored, which costs reading all segments and asking the store about each record in them.
 */
import { crc32 } from "node:zlib";
import { type Fs, readWhole, replaceFile } from "./fs.ts";

const FILE = "checkpoint";
const MAGIC = 0x31435054;
const HEADER_BYTES = 32;
const ENTRY_BYTES = 24;

export interface Checkpoint {
  /** Names this journal among all that ever wrote to the same store. */
  readonly writer: number;
  /** All records up to this one are in the store. */
  readonly appliedSeq: number;
  readonly hashes: readonly { readonly hash: Uint8Array; readonly timeMs: number }[];
}

export function writeCheckpoint(fs: Fs, directory: string, checkpoint: Checkpoint): void {
  const bytes = new Uint8Array(HEADER_BYTES + checkpoint.hashes.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, checkpoint.writer, true);
  view.setUint32(12, checkpoint.hashes.length, true);
  view.setBigUint64(16, BigInt(checkpoint.appliedSeq), true);
  let at = HEADER_BYTES;
  for (const { hash, timeMs } of checkpoint.hashes) {
    bytes.set(hash, at);
    view.setFloat64(at + 16, timeMs, true);
    at += ENTRY_BYTES;
  }
  view.setUint32(4, crc32(bytes.subarray(8)), true);
  replaceFile(fs, { directory, name: FILE }, bytes);
}

/** The checkpoint, `undefined` when there is none, `"damaged"` when it cannot be trusted. */
export function readCheckpoint(fs: Fs, directory: string): Checkpoint | undefined | "damaged" {
  const bytes = readWhole(fs, directory, FILE);
  if (bytes === undefined) return undefined;
  if (bytes.length < HEADER_BYTES) return "damaged";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint32(12, true);
  if (view.getUint32(0, true) !== MAGIC || bytes.length !== HEADER_BYTES + count * ENTRY_BYTES)
    return "damaged";
  if (crc32(bytes.subarray(8)) !== view.getUint32(4, true)) return "damaged";
  const hashes: { hash: Uint8Array; timeMs: number }[] = [];
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    hashes.push({ hash: bytes.slice(at, at + 16), timeMs: view.getFloat64(at + 16, true) });
  }
  return {
    writer: view.getUint32(8, true),
    appliedSeq: Number(view.getBigUint64(16, true)),
    hashes,
  };
}
