/**
 * Writes the two answers of Prometheus remote read: one message with samples, compressed as a Snappy block, and a
 * stream of frames that carry chunks.
 */
import { crc32c } from "../snappy/crc32c.ts";
import { encodeSnappy } from "../snappy/encode.ts";
import { writeLabels, type WriteLabels } from "../remote-write/encode.ts";
import { type HistogramMessage, writeHistogram } from "../remote-write/histogram-message.ts";
import { MessageWriter } from "../remote-write/message-writer.ts";
import { type Chunk, histogramChunks, xorChunks } from "./chunks.ts";

/** A series as it is sent: samples `start .. end` of the columns, then its native histograms. */
export interface ReadSeries {
  /** Sorted by name. */
  readonly labels: WriteLabels;
  readonly timeMs: Float64Array;
  readonly valueWords: Uint32Array;
  readonly start: number;
  readonly end: number;
  readonly histograms: readonly HistogramMessage[];
}

/** Writes one series of a `QueryResult`; wrap all of a query with `queryResult`. */
export function writeReadSeries(out: MessageWriter, series: ReadSeries): void {
  const mark = out.begin(1);
  writeLabels(out, series.labels);
  for (let i = series.start; i < series.end; i++) {
    const inner = out.begin(2);
    out.doubleBits(1, series.valueWords, i);
    out.int64(2, series.timeMs[i] as number);
    out.end(inner);
  }
  for (const histogram of series.histograms) {
    const inner = out.begin(4);
    writeHistogram(out, { ...histogram, startMs: 0 });
    out.end(inner);
  }
  out.end(mark);
}

/** About a millisecond of compression. */
const SNAPPY_PIECE_BYTES = 256 * 1024;

/**
 * A `ReadResponse` of the results (each as written by `writeReadSeries`), compressed, in steps. Pieces are compressed
 * on their own: a Snappy block is its length and then elements, and those of a piece only point within it.
 */
export function* encodeReadResponse(
  results: readonly Uint8Array[],
): Generator<void, Uint8Array<ArrayBuffer>[]> {
  const heads = results.map((result) => {
    const head = new MessageWriter(16);
    head.varint(1 * 8 + 2);
    head.varint(result.length);
    return head.bytes();
  });
  const total = results.reduce(
    (sum, result, i) => sum + result.length + (heads[i]?.length ?? 0),
    0,
  );
  const length = new MessageWriter(16);
  length.varint(total);
  const out: Uint8Array<ArrayBuffer>[] = [length.bytes()];
  for (const [i, result] of results.entries()) {
    for (const bytes of [heads[i] as Uint8Array, result]) {
      for (let at = 0; at < bytes.length; at += SNAPPY_PIECE_BYTES) {
        const piece = encodeSnappy(bytes.subarray(at, at + SNAPPY_PIECE_BYTES));
        out.push(piece.subarray(lengthBytes(piece)));
        yield;
      }
    }
  }
  return out;
}

function lengthBytes(block: Uint8Array): number {
  let at = 0;
  while ((block[at] as number) >= 0x80) at++;
  return at + 1;
}

/** Frames of `ChunkedReadResponse`, each with one series or a part of it, of about `bytesMax` at most. */
export function* chunkedReadFrames(
  series: ReadSeries,
  queryIndex: number,
  bytesMax: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const room =
    bytesMax -
    series.labels.reduce((sum, [name, value]) => sum + name.length + value.length + 8, 0);
  let chunks: Chunk[] = [];
  let left = room;
  for (const chunk of chunksOf(series)) {
    chunks.push(chunk);
    left -= chunk.bytes.length + 24;
    if (left > 0) continue;
    yield frame(series.labels, chunks, queryIndex);
    chunks = [];
    left = room;
  }
  if (chunks.length > 0) yield frame(series.labels, chunks, queryIndex);
}

/** Chunks follow each other in time, also in a series whose samples change between floats and histograms. */
function* chunksOf({ timeMs, valueWords, start, end, histograms }: ReadSeries): Generator<Chunk> {
  let [from, at] = [start, 0];
  while (from < end || at < histograms.length) {
    const untilMs = histograms[at]?.timeMs ?? Number.POSITIVE_INFINITY;
    let to = from;
    while (to < end && (timeMs[to] as number) < untilMs) to++;
    yield* xorChunks(timeMs, valueWords, { start: from, end: to });
    const floatMs = to < end ? (timeMs[to] as number) : Number.POSITIVE_INFINITY;
    let next = at;
    while (next < histograms.length && (histograms[next]?.timeMs ?? 0) <= floatMs) next++;
    yield* histogramChunks(histograms.slice(at, next));
    [from, at] = [to, next];
  }
}

/** Length, checksum and message. */
function frame(
  labels: WriteLabels,
  chunks: readonly Chunk[],
  queryIndex: number,
): Uint8Array<ArrayBuffer> {
  const message = new MessageWriter(1024);
  const series = message.begin(1);
  writeLabels(message, labels);
  for (const chunk of chunks) {
    const mark = message.begin(2);
    message.int64(1, chunk.fromMs);
    message.int64(2, chunk.toMs);
    message.uint(3, chunk.encoding);
    message.bytesField(4, chunk.bytes);
    message.end(mark);
  }
  message.end(series);
  message.int64(2, queryIndex);
  const body = message.bytes();
  const out = new MessageWriter(body.length + 16);
  out.varint(body.length);
  const checksum = new Uint8Array(4);
  new DataView(checksum.buffer).setUint32(0, crc32c(body), false);
  out.raw(checksum);
  out.raw(body);
  return out.bytes();
}
