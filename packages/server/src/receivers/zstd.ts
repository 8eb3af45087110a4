/**
 * Zstandard decompression under a cap. Node's own decoder where it has one (it runs off the main thread); on older
 * Node WebAssembly for small bodies and a pure JavaScript decoder in slices for large ones, so that the event loop
 * is never held for long. The only file that imports "zstddec" and "fzstd".
 */
import * as zlib from "node:zlib";
import { TriptychError } from "@triptych/model";
import { Decompress } from "fzstd";
import { ZSTDDecoder } from "zstddec";
import { letOthersRun } from "../self/event-loop.ts";
import { type Hold, type InflateEngine, inflateStream, tooLarge } from "./inflate-stream.ts";
import { countZstdFrame } from "./zstd-count.ts";
import { frameSlices, walkZstdFrames, type ZstdFrame } from "./zstd-frames.ts";

/**
 * WebAssembly decodes about 400 MB/s in one go: 4 MiB hold the event loop for 10 ms. The bound also keeps its
 * memory small, which never shrinks.
 */
const WASM_BYTES_MAX = 4 * 1024 * 1024;
/** One slice is at most this many blocks of 128 KiB: 0.5 MiB at about 140 MB/s, and as many window moves. */
const SLICE_BLOCKS_MAX = 4;
/**
 * The JavaScript decoder moves its whole window once per block. 64 MiB in full blocks under an 8 MiB window moves
 * 4 GiB; a body that would move more than twice that is cut into blocks in order to cost time.
 */
const WINDOW_MOVED_BYTES_MAX = 8 * 1024 ** 3;

/** Node has it since 22.15; the type declarations of the oldest Node we support do not. */
interface ZlibWithZstd {
  readonly createZstdDecompress?: (options: { chunkSize: number }) => InflateEngine;
}
const { createZstdDecompress } = zlib as ZlibWithZstd;

const wasm = new ZSTDDecoder();
/** Large JavaScript decodes run one after another: each costs CPU on this thread and a window of memory. */
let largeDecodes: Promise<unknown> = Promise.resolve();

/** Decompresses all frames of `body`; the result is at most `maxBytes` long. `hold` is told of every growth. */
export async function decompressZstd(
  body: Uint8Array,
  maxBytes: number,
  hold: Hold,
): Promise<Uint8Array> {
  const frames = walkZstdFrames(body, maxBytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const frame of frames) {
    const part = await decompressFrame(body, frame, { maxBytes: maxBytes - total, hold });
    total += part.length;
    parts.push(part);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, total);
}

interface FrameOptions {
  readonly maxBytes: number;
  readonly hold: Hold;
}

async function decompressFrame(
  body: Uint8Array,
  frame: ZstdFrame,
  options: FrameOptions,
): Promise<Uint8Array> {
  if (frame.boundBytes === 0) return new Uint8Array(0);
  if (frame.boundBytes > options.maxBytes) await refuseBomb(body, frame, options.maxBytes);
  const decoded = await decodeFrame(body, frame, options);
  if (frame.contentBytes >= 0 && decoded.length !== frame.contentBytes) {
    throw malformed(`it declares ${frame.contentBytes} bytes but holds ${decoded.length}`);
  }
  return decoded;
}

/** Counting costs what was sent, at most 1 ms a block; so many of them are counted before others have a turn. */
const COUNTED_BLOCKS_MAX = 16;

/** A frame that may unpack to more than the limit is counted before anything is unpacked. */
async function refuseBomb(body: Uint8Array, frame: ZstdFrame, maxBytes: number): Promise<void> {
  let blocks = 0;
  for (const bytes of countZstdFrame(body, frame)) {
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    if (++blocks % COUNTED_BLOCKS_MAX === 0) await letOthersRun();
  }
}

async function decodeFrame(
  body: Uint8Array,
  frame: ZstdFrame,
  options: FrameOptions,
): Promise<Uint8Array> {
  if (createZstdDecompress !== undefined) {
    const bytes = body.subarray(frame.start, frame.end);
    const open = () => createZstdDecompress({ chunkSize: 128 * 1024 });
    return inflateStream(open, bytes, { name: "zstd", ...options });
  }
  if (frame.boundBytes <= WASM_BYTES_MAX) {
    await wasm.init();
    return decodeSmall(body.subarray(frame.start, frame.end), frame, options);
  }
  const run = largeDecodes.then(() => decodeLarge(body, frame, options));
  largeDecodes = run.catch(() => {
    // Whoever waits for `run` gets the error; the queue only needs to know that it is over.
  });
  return run;
}

function decodeSmall(bytes: Uint8Array, frame: ZstdFrame, options: FrameOptions): Uint8Array {
  const decoded = wasm.decode(bytes, frame.boundBytes);
  // The decoder reports an error as a negative length, which its slice turns into fewer bytes, usually none.
  if (decoded.length === 0) throw malformed("its blocks are damaged");
  if (decoded.length > options.maxBytes) throw tooLarge(options.maxBytes);
  options.hold(decoded.length);
  return decoded;
}

async function decodeLarge(
  body: Uint8Array,
  frame: ZstdFrame,
  options: FrameOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  let movedBytes = 0;
  const decoder = new Decompress((part) => {
    total += part.length;
    movedBytes += frame.windowBytes;
    if (movedBytes > WINDOW_MOVED_BYTES_MAX) {
      throw malformed(`its blocks are too small for a window of ${frame.windowBytes} bytes`);
    }
    if (total > options.maxBytes) throw tooLarge(options.maxBytes);
    options.hold(part.length);
    parts.push(part);
  });
  for (const slice of frameSlices(body, frame, SLICE_BLOCKS_MAX)) {
    try {
      decoder.push(slice);
    } catch (thrown) {
      if (thrown instanceof TriptychError) throw thrown;
      throw malformed(thrown instanceof Error ? thrown.message : String(thrown));
    }
    await letOthersRun();
  }
  return Buffer.concat(parts, total);
}

function malformed(why: string): TriptychError {
  return new TriptychError("encoding_malformed", `The zstd body cannot be decompressed: ${why}.`);
}
