/**
 * One file that is read as it grows: who it is, how far it was read, and its next chunk. A file is known by device,
 * inode and the hash of its first bytes, so renaming it changes nothing and a new file in its place is a new one.
 */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import type { PositionValue } from "../log-lines/positions.ts";
import { type ByteSource, compressedSource, openPlain } from "./byte-source.ts";
import { type Lines, splitLines } from "./split-lines.ts";

/** Enough to tell files apart that begin with the same header. */
const PRINT_BYTES = 1024;
/** One read; a longer line is cut and the rest of it skipped. */
export const CHUNK_BYTES = 1024 * 1024;

export interface TailOptions {
  readonly unit: 1 | 2;
  readonly bigEndian: boolean;
  /** Undefined for a file that is not compressed. */
  readonly compression: "gz" | "z" | undefined;
}

/** What is kept of a file between two runs of the process. */
export interface TailState {
  /** Names the file and its life: part of every request's hash. */
  born: string;
  offset: number;
  /** The rest of a line that was too long follows. */
  skipping: boolean;
  printBytes: number;
  print: string;
  /** A batch up to here was about to be sent; negative for none. */
  pendingTo: number;
  pendingSkipping: boolean;
  /** A compressed file that was read to its end. */
  done: boolean;
}

export interface Tail {
  readonly key: string;
  readonly dev: number;
  readonly ino: number;
  readonly options: TailOptions;
  state: TailState;
  /** Where it is now. */
  path: string;
  /** Where it was found first: what its label says. */
  readonly name: string;
  labels: ReadonlyMap<string, string>;
  source: ByteSource | undefined;
  /** As far as it was last seen to go. */
  size: number;
  mtimeMs: number;
  /** It is no longer at its path: read to the end, then forgotten. */
  isGone: boolean;
  lastGrowthMs: number;
  nextCheckMs: number;
  /** Since when lines at the end wait for more of their block. */
  heldSinceMs: number | undefined;
  /** How long until it is looked at again; grows while nothing happens. */
  checkMs: number;
  /** The size it had when all that could be taken was taken. */
  drainedSize: number;
  /** After a failure it is not tried before. */
  blockedUntilMs: number;
  /** Time of change of a compressed file that could not be read: it is tried again once that is another. */
  failedMtimeMs: number | undefined;
}

export interface Chunk {
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly lines: Lines;
  /** Bytes before the first line that are not part of any. */
  readonly skipped: number;
  /** The only line is cut: its rest follows. */
  readonly isCut: boolean;
  /** Blocks that are open at the end must be handed on. */
  readonly mustFlush: boolean;
  /** Nothing may stay behind: it was about to be sent before, or is the end of a file that ended. */
  readonly isWhole: boolean;
}

export function newState(born: string): TailState {
  return {
    born,
    offset: 0,
    skipping: false,
    printBytes: 0,
    print: "",
    pendingTo: -1,
    pendingSkipping: false,
    done: false,
  };
}

export function positionOf(tail: Tail): PositionValue {
  return { path: tail.path, name: tail.name, dev: tail.dev, ino: tail.ino, ...tail.state };
}

/** Undefined for what is no position of a file. */
export function stateOf(position: PositionValue | undefined): TailState | undefined {
  if (position === undefined) return undefined;
  const { born, offset, print, printBytes } = position;
  if (typeof born !== "string" || typeof offset !== "number") return undefined;
  return {
    born,
    offset,
    skipping: position["skipping"] === true,
    printBytes: typeof printBytes === "number" ? printBytes : 0,
    print: typeof print === "string" ? print : "",
    pendingTo: typeof position["pendingTo"] === "number" ? position["pendingTo"] : -1,
    pendingSkipping: position["pendingSkipping"] === true,
    done: position["done"] === true,
  };
}

/** Opens what is read from; the same source until it is closed. */
export async function sourceOf(tail: Tail): Promise<ByteSource> {
  if (tail.source !== undefined) return tail.source;
  const { compression } = tail.options;
  if (compression !== undefined) tail.source = compressedSource(tail.path, compression);
  else tail.source = await openSame(tail);
  return tail.source;
}

/** Throws `ENOENT` when another file is at its path by now. */
async function openSame(tail: Tail): Promise<ByteSource> {
  const { source, handle } = await openPlain(tail.path);
  const { dev, ino } = await handle.stat();
  if (dev === tail.dev && ino === tail.ino) return source;
  await handle.close();
  throw Object.assign(new Error(`${tail.path} is another file by now`), { code: "ENOENT" });
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

/** Whether its first bytes are those it had. Takes more of them once the file has more. */
export async function isSameFile(
  source: ByteSource,
  state: TailState,
  size: number,
): Promise<boolean> {
  if (size < state.offset || size < state.printBytes) return false;
  const bytes = await source.read(0, Math.min(PRINT_BYTES, size));
  if (bytes.length < state.printBytes) return false;
  if (state.printBytes > 0 && hashOf(bytes.subarray(0, state.printBytes)) !== state.print)
    return false;
  if (bytes.length > state.printBytes) {
    state.printBytes = bytes.length;
    state.print = hashOf(bytes);
  }
  return true;
}

/** What follows the offset; undefined when there is no whole line. `ended` takes the rest as a line. */
export async function nextChunk(
  tail: Tail,
  source: ByteSource,
  ended: boolean,
): Promise<Chunk | undefined> {
  const { state, options } = tail;
  const from = state.offset;
  const isAgain = state.pendingTo > from;
  const max = isAgain ? Math.min(CHUNK_BYTES, state.pendingTo - from) : CHUNK_BYTES;
  const size = options.compression === undefined ? Math.min(max, tail.size - from) : max;
  if (size <= 0) return undefined;
  const bytes = await source.read(from, size);
  if (bytes.length === 0) return undefined;
  const isAtEnd = bytes.length < max || (!isAgain && from + bytes.length >= tail.size);
  const withRest = isAgain || (ended && isAtEnd);
  const lines = splitLines(bytes, { ...options, withRest });
  const isFull = bytes.length >= CHUNK_BYTES;
  const base = { from, bytes, mustFlush: isAgain || isFull || (ended && isAtEnd) };
  if (state.skipping) return afterSkipped(base, isAgain && state.pendingSkipping ? NONE : lines);
  const skipped = from === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (lines.count > 0)
    return { ...base, lines, skipped, isCut: isAgain && state.pendingSkipping, isWhole: withRest };
  if (!isFull) return undefined;
  const { length } = bytes;
  const whole: Lines = { count: 1, starts: [0], ends: [length], nexts: [length] };
  return { ...base, lines: whole, skipped, isCut: true, isWhole: true };
}

const NONE: Lines = { count: 0, starts: [], ends: [], nexts: [] };

/** The first line is the end of one that was cut: it is left out. */
function afterSkipped(base: Pick<Chunk, "from" | "bytes" | "mustFlush">, lines: Lines): Chunk {
  const first = lines.nexts[0];
  if (first === undefined)
    return { ...base, lines: NONE, skipped: base.bytes.length, isCut: true, isWhole: true };
  const rest: Lines = {
    count: lines.count - 1,
    starts: lines.starts.slice(1),
    ends: lines.ends.slice(1),
    nexts: lines.nexts.slice(1),
  };
  return { ...base, lines: rest, skipped: first, isCut: false, isWhole: false };
}

export function sameInode(tail: Pick<Tail, "dev" | "ino">, stats: Stats): boolean {
  return tail.dev === stats.dev && tail.ino === stats.ino;
}
