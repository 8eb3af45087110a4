/** A chunk of a file as what is sent: entries through stages, or its bytes as they are; and how far that goes. */
import { isUtf8 } from "node:buffer";
import type { Clock, Limits, LogBatch } from "@triptych/model";
import { PushWriter } from "@triptych/wire";
import { type Arrivals, batchOfEntries, beginStream } from "../log-lines/submit.ts";
import type { Stage } from "../log-stages/entry.ts";
import { runStages } from "../log-stages/pipeline.ts";
import { drive, requestHash } from "../slices.ts";
import type { Chunk, Tail } from "./tail.ts";

export interface Prepared {
  readonly tail: Tail;
  readonly hash: Uint8Array;
  /** Offset in the file behind what is sent. */
  readonly to: number;
  readonly isCut: boolean;
  readonly bytes: number;
  readonly lines: number;
  readonly make: () => Promise<LogBatch>;
  /** What to do once it is durable. */
  readonly done: () => void;
}

export interface ChunkDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly arrivals: Arrivals;
  /** Undefined when lines are sent as they are. */
  readonly stage: Stage | undefined;
  /** Undefined for UTF-8. */
  readonly decoder: TextDecoder | undefined;
  /** Part of the requests' identity. */
  readonly job: string;
  /** Lines that are longer are dropped, or cut when `cut`; 0 is none. */
  readonly lineBytes: { readonly max: number; readonly cut: boolean };
}

const utf8 = new TextDecoder();
const encoder = new TextEncoder();
const STEP_LINES = 512;

/** Undefined when all lines wait for more of their block. */
export async function prepareChunk(
  tail: Tail,
  chunk: Chunk,
  options: ChunkDeps & { readonly flush: boolean },
): Promise<Prepared | undefined> {
  const { clock, stage } = options;
  const labels = new Map(tail.labels).set("filename", tail.name);
  const read = lineReader(chunk, options);
  const first = options.arrivals(chunk.lines.count);
  let consumed = chunk.lines.count;
  let made: Pick<Prepared, "make" | "done">;
  if (stage === undefined)
    made = {
      make: () => drive(plainBatch(read, { ...options, labels, count: consumed, first }), clock),
      done: () => {},
    };
  else {
    const lines = {
      count: chunk.lines.count,
      at: (i: number) => {
        const { bytes, start, end } = read(i);
        return { line: utf8.decode(bytes.subarray(start, end)), timeNs: first + BigInt(i) };
      },
    };
    const flush = options.flush || chunk.mustFlush;
    const result = await drive(runStages(stage, lines, { labels, flush }), clock);
    consumed = result.consumed;
    const batch = { limits: options.limits, arrivalNs: first, isOwnReading: true };
    made = {
      make: () => drive(batchOfEntries(result.entries, batch), clock),
      done: result.done,
    };
  }
  const isSkip = chunk.skipped > 3 && consumed === 0;
  if (consumed === 0 && !isSkip) return undefined;
  const end = consumed > 0 ? (chunk.lines.nexts[consumed - 1] as number) : chunk.skipped;
  const hash = await requestHash(
    {
      tenant: "files",
      path: `${options.job}\n${tail.state.born}\n${chunk.from}`,
      body: chunk.bytes.subarray(0, end),
    },
    clock,
  );
  const isCut = chunk.isCut && end === chunk.bytes.length;
  return { tail, hash, to: chunk.from + end, isCut, bytes: end, lines: consumed, ...made };
}

interface LineBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The bytes of a line in valid UTF-8, without a byte order mark. */
function lineReader(
  { bytes, lines, skipped, from }: Chunk,
  { decoder, lineBytes }: ChunkDeps,
): (i: number) => LineBytes {
  const isValid = decoder === undefined && isUtf8(bytes);
  const hasMark = from === 0 && skipped === 3;
  return (i) => {
    const start = i === 0 && hasMark ? 3 : (lines.starts[i] as number);
    const end = Math.max(start, lines.ends[i] as number);
    const capped = lineBytes.cut && lineBytes.max > 0 ? Math.min(end, start + lineBytes.max) : end;
    if (isValid && capped === end) return { bytes, start, end };
    const part = bytes.subarray(start, capped);
    if (decoder === undefined && isUtf8(part)) return { bytes: part, start: 0, end: part.length };
    const encoded = encoder.encode((decoder ?? utf8).decode(part));
    return { bytes: encoded, start: 0, end: encoded.length };
  };
}

function* plainBatch(
  read: (i: number) => LineBytes,
  options: ChunkDeps & {
    readonly labels: ReadonlyMap<string, string>;
    readonly count: number;
    readonly first: bigint;
  },
): Generator<void, LogBatch> {
  const { limits, first, count, lineBytes } = options;
  const writer = new PushWriter({ limits, arrivalNs: first, isOwnReading: true }, count);
  beginStream(writer, options.labels);
  for (let i = 0; i < count; i++) {
    const { bytes, start, end } = read(i);
    if (lineBytes.max > 0 && end - start > lineBytes.max) continue;
    writer.begin(first + BigInt(i));
    writer.line(bytes, start, end);
    writer.end();
    if (i % STEP_LINES === STEP_LINES - 1) yield;
  }
  return writer.batch;
}
