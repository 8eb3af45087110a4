/** Leaves rows out of a batch that is not handed on yet. Series rows stay: only what refers to them is stored. */
import {
  ExemplarColumns,
  type FloatSamples,
  HistogramSamples,
  type SampleBatch,
} from "@triptych/model";

/** Keeps the rows `keeps` says yes to, in place and in order. */
export function compactFloats(samples: FloatSamples, keeps: (row: number) => boolean): void {
  // As words: an engine may change the payload of a NaN on its way through a number.
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset, samples.rows * 2);
  let to = 0;
  for (let row = 0; row < samples.rows; row++) {
    if (!keeps(row)) continue;
    if (to !== row) {
      samples.series[to] = samples.series[row] as number;
      samples.timeMs[to] = samples.timeMs[row] as number;
      samples.startMs[to] = samples.startMs[row] as number;
      words.copyWithin(to * 2, row * 2, row * 2 + 2);
    }
    to++;
  }
  samples.rows = to;
}

/** One native histogram, to be looked at and changed: bucket counts by index, absolute. */
export interface HistogramRow {
  schema: number;
  positive: BucketSide;
  negative: BucketSide;
}
export type BucketSide = readonly (readonly [index: number, count: number])[];

export function histogramRow(from: HistogramSamples, row: number): HistogramRow {
  return {
    schema: from.schema[row] as number,
    positive: sideOf(from, row, "positive"),
    negative: sideOf(from, row, "negative"),
  };
}

/** Keeps and changes native histograms: `change` gives another form of a row, or undefined to leave it out. */
export function rewriteHistograms(
  batch: SampleBatch,
  change: (row: number, histogram: HistogramRow) => HistogramRow | undefined,
): void {
  const from = batch.histograms;
  const out = new HistogramSamples();
  for (let row = 0; row < from.rows; row++) {
    const wanted = change(row, histogramRow(from, row));
    if (wanted === undefined) continue;
    const to = out.addRow(
      from.series[row] as number,
      from.timeMs[row] as number,
      from.startMs[row] as number,
    );
    out.schema[to] = wanted.schema;
    out.resetHint[to] = from.resetHint[row] as number;
    for (const name of ["zeroThreshold", "zeroCount", "count", "sum"] as const)
      out[name][to] = from[name][row] as number;
    writeSide(out, "positive", wanted.positive);
    writeSide(out, "negative", wanted.negative);
    const { offsets, values } = from.customValues;
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
      out.customValues.push(values[i] as number);
    out.endRow();
  }
  Object.assign(batch, { histograms: out });
}

function sideOf(from: HistogramSamples, row: number, side: "positive" | "negative"): BucketSide {
  const spans = from[`${side}Spans`];
  const counts = from[`${side}Counts`];
  const out: (readonly [number, number])[] = [];
  let at = counts.offsets[row] as number;
  let index = 0;
  for (let i = spans.offsets[row] as number; i < (spans.offsets[row + 1] as number); i++) {
    index += spans.gap[i] as number;
    for (let n = 0; n < (spans.length[i] as number); n++)
      out.push([index++, counts.values[at++] as number]);
  }
  return out;
}

function writeSide(
  out: HistogramSamples,
  side: "positive" | "negative",
  buckets: BucketSide,
): void {
  const spans = out[`${side}Spans`];
  const counts = out[`${side}Counts`];
  for (let i = 0, end = 0; i < buckets.length; ) {
    const [start] = buckets[i] as readonly [number, number];
    let length = 0;
    while (i < buckets.length && buckets[i]?.[0] === start + length) {
      counts.push((buckets[i] as readonly [number, number])[1]);
      length++;
      i++;
    }
    spans.push(start - end, length);
    end = start + length;
  }
}

/** Half as many buckets, each twice as wide: what Prometheus calls reducing the resolution. */
export function coarser({ schema, positive, negative }: HistogramRow): HistogramRow {
  return { schema: schema - 1, positive: merged(positive), negative: merged(negative) };
}

function merged(side: BucketSide): BucketSide {
  const out: [number, number][] = [];
  for (const [index, count] of side) {
    const wide = ((index - 1) >> 1) + 1;
    const last = out.at(-1);
    if (last?.[0] === wide) last[1] += count;
    else out.push([wide, count]);
  }
  return out;
}

/** Keeps exemplars, and gives each the series row that `seriesOf` says; below zero leaves it out. */
export function rewriteExemplars(
  batch: SampleBatch,
  seriesOf: (row: number, series: number) => number,
): void {
  const from = batch.exemplars;
  const out = new ExemplarColumns();
  for (let row = 0; row < from.rows; row++) {
    const series = seriesOf(row, from.series[row] as number);
    if (series < 0) continue;
    const to = out.addRow(series, from.timeMs[row] as number, from.value[row] as number);
    out.traceId.set(from.traceId.subarray(row * 16, row * 16 + 16), to * 16);
    out.spanId.set(from.spanId.subarray(row * 8, row * 8 + 8), to * 8);
    const { offsets, keys, kinds, values } = from.attributes;
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++) {
      out.attributes.addEntry(keys[i] as number, kinds[i] as number);
      const start = values.offsets[i] as number;
      out.attributes.values.append(values.bytes, start, values.offsets[i + 1] as number);
    }
    out.attributes.endRow();
  }
  Object.assign(batch, { exemplars: out });
}
