/**
 * One native histogram taken out of its columns, so that histograms can be added: buckets by index, per side. Adding
 * two of different resolution reduces the finer one, by merging pairs of buckets, as the data model allows.
 */
import type { HistogramSamples, RaggedF64, SpanRuns } from "@triptych/model";

export interface HistogramState {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly positive: ReadonlyMap<number, number>;
  readonly negative: ReadonlyMap<number, number>;
  readonly customValues: readonly number[];
}

const SCHEMA_CUSTOM = -53;

export function histogramState(source: HistogramSamples, row: number): HistogramState {
  const { customValues } = source;
  return {
    schema: source.schema[row] as number,
    zeroThreshold: source.zeroThreshold[row] as number,
    zeroCount: source.zeroCount[row] as number,
    count: source.count[row] as number,
    sum: source.sum[row] as number,
    positive: buckets(source.positiveSpans, source.positiveCounts, row),
    negative: buckets(source.negativeSpans, source.negativeCounts, row),
    customValues: [
      ...customValues.values.subarray(
        customValues.offsets[row] as number,
        customValues.offsets[row + 1] as number,
      ),
    ],
  };
}

function buckets(spans: SpanRuns, counts: RaggedF64, row: number): Map<number, number> {
  const out = new Map<number, number>();
  let at = counts.offsets[row] as number;
  let index = 0;
  for (let span = spans.offsets[row] as number; span < (spans.offsets[row + 1] as number); span++) {
    index += spans.gap[span] as number;
    for (let i = 0; i < (spans.length[span] as number); i++)
      out.set(index++, counts.values[at++] as number);
  }
  return out;
}

/** The sum of both; `b` alone when they cannot be added (custom bounds that differ), as a counter reset. */
export function addCounts(a: HistogramState, b: HistogramState): HistogramState {
  const custom = a.schema === SCHEMA_CUSTOM || b.schema === SCHEMA_CUSTOM;
  if (custom && (a.schema !== b.schema || a.customValues.join() !== b.customValues.join()))
    return b;
  const schema = Math.min(a.schema, b.schema);
  return {
    schema,
    zeroThreshold: Math.max(a.zeroThreshold, b.zeroThreshold),
    zeroCount: a.zeroCount + b.zeroCount,
    count: a.count + b.count,
    sum: a.sum + b.sum,
    positive: sumBuckets(
      reduced(a.positive, a.schema - schema),
      reduced(b.positive, b.schema - schema),
    ),
    negative: sumBuckets(
      reduced(a.negative, a.schema - schema),
      reduced(b.negative, b.schema - schema),
    ),
    customValues: a.customValues,
  };
}

function sumBuckets(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): Map<number, number> {
  const out = new Map(a);
  for (const [index, count] of b) out.set(index, (out.get(index) ?? 0) + count);
  return out;
}

/** Bucket `i` of schema `s` lies in bucket `ceil(i / 2)` of schema `s - 1`. */
function reduced(source: ReadonlyMap<number, number>, steps: number): ReadonlyMap<number, number> {
  if (steps === 0) return source;
  const out = new Map<number, number>();
  for (const [index, count] of source) {
    const target = Math.ceil(index / 2 ** steps);
    out.set(target, (out.get(target) ?? 0) + count);
  }
  return out;
}

/** Writes the state as row `row`; the ragged columns must be written in row order. */
export function writeHistogram(target: HistogramSamples, row: number, state: HistogramState): void {
  target.schema[row] = state.schema;
  target.zeroThreshold[row] = state.zeroThreshold;
  target.zeroCount[row] = state.zeroCount;
  target.count[row] = state.count;
  target.sum[row] = state.sum;
  writeSide(target.positiveSpans, target.positiveCounts, state.positive);
  writeSide(target.negativeSpans, target.negativeCounts, state.negative);
  for (const value of state.customValues) target.customValues.push(value);
  target.endRow();
}

function writeSide(spans: SpanRuns, counts: RaggedF64, buckets: ReadonlyMap<number, number>): void {
  const indexes = [...buckets.keys()].sort((a, b) => a - b);
  let next = 0;
  for (let i = 0; i < indexes.length; ) {
    const start = indexes[i] as number;
    let length = 1;
    while (indexes[i + length] === start + length) length++;
    spans.push(start - next, length);
    for (let j = 0; j < length; j++) counts.push(buckets.get(start + j) ?? 0);
    next = start + length;
    i += length;
  }
}
