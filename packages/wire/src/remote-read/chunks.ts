/**
 * Prometheus' chunks: floats as XOR chunks, native histograms as float histogram chunks. In come samples in order of
 * time, out come chunks of at most 120 of them, as Prometheus cuts its own.
 */
import type { BucketRuns, HistogramMessage } from "../remote-write/histogram-message.ts";
import {
  BitWriter,
  fitsBits,
  writeVarbitInt,
  writeVarbitUint,
  type XorState,
  xorState,
} from "./bit-writer.ts";

export interface Chunk {
  readonly fromMs: number;
  /** Inclusive. */
  readonly toMs: number;
  readonly encoding: (typeof ChunkEncoding)[keyof typeof ChunkEncoding];
  readonly bytes: Uint8Array;
}

export const ChunkEncoding = { xor: 1, floatHistogram: 3 } as const;

const SAMPLES_PER_CHUNK = 120;
const CUSTOM_SCHEMA = -53;
const GAUGE = 3;
/** Times of the chunk, then one byte that tells of counter resets. */
const HISTOGRAM_HEADER_BYTES = 3;
const GAUGE_FLAG = 0b11000000;

/** Codes of a change in the distance of times: size in bits, prefix. */
const timeCodes: readonly (readonly [bits: number, prefix: number, prefixBits: number])[] = [
  [14, 0b10, 2],
  [17, 0b110, 3],
  [20, 0b1110, 4],
];

/** Samples `start .. end` of the columns; `valueWords` holds each value as two words, the low one first. */
export function* xorChunks(
  timeMs: Float64Array,
  valueWords: Uint32Array,
  rows: { readonly start: number; readonly end: number },
): Generator<Chunk> {
  for (let from = rows.start; from < rows.end; from += SAMPLES_PER_CHUNK) {
    const to = Math.min(rows.end, from + SAMPLES_PER_CHUNK);
    yield {
      fromMs: timeMs[from] as number,
      toMs: timeMs[to - 1] as number,
      encoding: ChunkEncoding.xor,
      bytes: xorChunk(timeMs, valueWords, { from, to }),
    };
  }
}

function xorChunk(
  timeMs: Float64Array,
  words: Uint32Array,
  { from, to }: { readonly from: number; readonly to: number },
): Uint8Array<ArrayBuffer> {
  const out = new BitWriter(2);
  setCount(out, to - from);
  const state = xorState();
  state.low = words[from * 2] as number;
  state.high = words[from * 2 + 1] as number;
  out.varint(timeMs[from] as number);
  out.write64(state.low, state.high, 64);
  let distance = 0;
  for (let i = from + 1; i < to; i++) {
    const next = (timeMs[i] as number) - (timeMs[i - 1] as number);
    if (i === from + 1) out.uvarint(next);
    else writeTimeChange(out, next - distance);
    distance = next;
    out.xor(state, words[i * 2] as number, words[i * 2 + 1] as number);
  }
  return out.finish();
}

function writeTimeChange(out: BitWriter, change: number): void {
  if (change === 0) {
    out.write(0, 1);
    return;
  }
  for (const [bits, prefix, prefixBits] of timeCodes) {
    if (!fitsBits(change, bits)) continue;
    out.write(prefix, prefixBits);
    out.signed(change, bits);
    return;
  }
  out.write(0b1111, 4);
  out.signed(change, 64);
}

function setCount(out: BitWriter, count: number): void {
  out.setByte(0, count >>> 8);
  out.setByte(1, count & 0xff);
}

/**
 * A chunk holds histograms of one layout whose counts only grow: readers take it that within a chunk no counter was
 * reset. Where that ends, a new chunk begins.
 */
export function* histogramChunks(histograms: readonly HistogramMessage[]): Generator<Chunk> {
  for (let from = 0; from < histograms.length; ) {
    let to = from + 1;
    while (
      to < histograms.length &&
      to - from < SAMPLES_PER_CHUNK &&
      continues(histograms[to - 1] as HistogramMessage, histograms[to] as HistogramMessage)
    )
      to++;
    const group = histograms.slice(from, to);
    yield {
      fromMs: (group[0] as HistogramMessage).timeMs,
      toMs: (group[group.length - 1] as HistogramMessage).timeMs,
      encoding: ChunkEncoding.floatHistogram,
      bytes: histogramChunk(group),
    };
    from = to;
  }
}

function continues(before: HistogramMessage, next: HistogramMessage): boolean {
  if (next.schema !== before.schema || next.zeroThreshold !== before.zeroThreshold) return false;
  if ((next.resetHint === GAUGE) !== (before.resetHint === GAUGE)) return false;
  if (next.resetHint === 1 || isStale(next) || isStale(before)) return false;
  if (!sameNumbers(next.customValues, before.customValues)) return false;
  const sides = [
    [before.positive, next.positive],
    [before.negative, next.negative],
  ] as const;
  for (const [a, b] of sides)
    if (!sameNumbers(a.gaps, b.gaps) || !sameNumbers(a.lengths, b.lengths)) return false;
  if (next.resetHint === GAUGE) return true;
  if (next.count < before.count || next.zeroCount < before.zeroCount) return false;
  return sides.every(([a, b]) => {
    for (let i = 0; i < a.counts.length; i++)
      if ((b.counts[i] as number) < (a.counts[i] as number)) return false;
    return true;
  });
}

function isStale({ sumWords }: HistogramMessage): boolean {
  return sumWords[0] === 2 && sumWords[1] === 0x7ff00000;
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function histogramChunk(group: readonly HistogramMessage[]): Uint8Array<ArrayBuffer> {
  const first = group[0] as HistogramMessage;
  const out = new BitWriter(HISTOGRAM_HEADER_BYTES);
  setCount(out, group.length);
  out.setByte(2, first.resetHint === GAUGE ? GAUGE_FLAG : 0);
  writeLayout(out, isStale(first) ? emptyLayout : first);
  const states: XorState[] = [];
  let timeMs = 0;
  let distance = 0;
  for (const [i, histogram] of group.entries()) {
    const next = histogram.timeMs - timeMs;
    if (i === 0) writeVarbitInt(out, histogram.timeMs);
    else writeVarbitInt(out, next - distance);
    if (i > 0) distance = next;
    timeMs = histogram.timeMs;
    let at = 0;
    const put = (low: number, high: number): void => {
      const known = states[at];
      at++;
      if (known !== undefined) {
        out.xor(known, low, high);
        return;
      }
      states.push({ ...xorState(), low, high });
      out.write64(low, high, 64);
    };
    putAll(histogram, put);
  }
  return out.finish();
}

const noRuns: BucketRuns = { gaps: [], lengths: [], counts: [] };
type Layout = Pick<
  HistogramMessage,
  "schema" | "zeroThreshold" | "positive" | "negative" | "customValues"
>;
const emptyLayout: Layout = {
  schema: 0,
  zeroThreshold: 0,
  positive: noRuns,
  negative: noRuns,
  customValues: [],
};

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

function putAll(histogram: HistogramMessage, put: (low: number, high: number) => void): void {
  const number = (value: number): void => {
    scratch[0] = value;
    put(scratchWords[0] as number, scratchWords[1] as number);
  };
  const stale = isStale(histogram);
  number(stale ? 0 : histogram.count);
  number(stale ? 0 : histogram.zeroCount);
  put(histogram.sumWords[0] as number, histogram.sumWords[1] as number);
  if (stale) return;
  for (const { counts } of [histogram.positive, histogram.negative])
    for (let i = 0; i < counts.length; i++) number(counts[i] as number);
}

function writeLayout(out: BitWriter, layout: Layout): void {
  writeZeroThreshold(out, layout.zeroThreshold);
  writeVarbitInt(out, layout.schema);
  for (const { gaps, lengths } of [layout.positive, layout.negative]) {
    writeVarbitUint(out, lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      writeVarbitUint(out, lengths[i] as number);
      writeVarbitInt(out, gaps[i] as number);
    }
  }
  if (layout.schema !== CUSTOM_SCHEMA) return;
  writeVarbitUint(out, layout.customValues.length);
  for (let i = 0; i < layout.customValues.length; i++)
    writeBound(out, layout.customValues[i] as number);
}

/** Powers of two between 2^-243 and 2^10 take a byte. */
function writeZeroThreshold(out: BitWriter, threshold: number): void {
  if (threshold === 0) {
    out.write(0, 8);
    return;
  }
  const exponent = Math.log2(threshold);
  if (
    Number.isInteger(exponent) &&
    exponent >= -243 &&
    exponent <= 10 &&
    2 ** exponent === threshold
  ) {
    // One more, because the threshold is kept as a half times a power of two.
    out.write(exponent + 1 + 243, 8);
    return;
  }
  out.write(255, 8);
  writeDouble(out, threshold);
}

/** Multiples of a thousandth up to 33554.43 are kept as whole numbers. */
function writeBound(out: BitWriter, bound: number): void {
  const thousandths = bound * 1000;
  const whole = Math.round(thousandths);
  if (thousandths >= 0 && thousandths <= 33554430 && whole / 1000 === bound) {
    writeVarbitUint(out, whole + 1);
    return;
  }
  out.write(0, 1);
  writeDouble(out, bound);
}

function writeDouble(out: BitWriter, value: number): void {
  scratch[0] = value;
  out.write64(scratchWords[0] as number, scratchWords[1] as number, 64);
}
