/** The samples, histograms and exemplars of a batch, one after another, as a shard queues them. */
import type { SampleBatch } from "@triptych/model";
import type { BucketRuns, HistogramMessage, WriteExemplar } from "@triptych/wire";
import { type Entry, EntryKind, type SendSeries } from "./shard-queue.ts";

export interface EntryOptions {
  readonly exemplars: boolean;
  readonly histograms: boolean;
}

/** An entry before its series is known: `row` is that of the series in the batch. */
export interface RawEntry {
  readonly row: number;
  readonly kind: Entry["kind"];
  readonly timeMs: number;
  with(series: SendSeries): Entry;
}

export function countOf(batch: SampleBatch, options: EntryOptions): number {
  const histograms = options.histograms ? batch.histograms.rows : 0;
  return batch.samples.rows + histograms + (options.exemplars ? batch.exemplars.rows : 0);
}

/** The time of the newest sample, 0 without any. */
export function newestOf({ samples, histograms }: SampleBatch): number {
  let newest = 0;
  for (let row = 0; row < samples.rows; row++)
    newest = Math.max(newest, samples.timeMs[row] as number);
  for (let row = 0; row < histograms.rows; row++)
    newest = Math.max(newest, histograms.timeMs[row] as number);
  return newest;
}

export function* entriesOf(batch: SampleBatch, options: EntryOptions): Generator<RawEntry> {
  const { samples } = batch;
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset, samples.rows * 2);
  for (let i = 0; i < samples.rows; i++) {
    const sample = {
      kind: EntryKind.sample,
      timeMs: samples.timeMs[i] as number,
      startMs: samples.startMs[i] as number,
      low: words[i * 2] as number,
      high: words[i * 2 + 1] as number,
    };
    yield {
      ...sample,
      row: samples.series[i] as number,
      with: (series) => ({ ...sample, series }),
    };
  }
  const none = { startMs: 0, low: 0, high: 0 };
  for (let i = 0; options.histograms && i < batch.histograms.rows; i++) {
    const timeMs = batch.histograms.timeMs[i] as number;
    const base = { ...none, kind: EntryKind.histogram, timeMs };
    yield {
      row: batch.histograms.series[i] as number,
      kind: base.kind,
      timeMs,
      with: (series) => ({ ...base, series, histogram: histogramAt(batch, i) }),
    };
  }
  for (let i = 0; options.exemplars && i < batch.exemplars.rows; i++) {
    const timeMs = batch.exemplars.timeMs[i] as number;
    const base = { ...none, kind: EntryKind.exemplar, timeMs };
    yield {
      row: batch.exemplars.series[i] as number,
      kind: base.kind,
      timeMs,
      with: (series) => ({ ...base, series, exemplar: exemplarAt(batch, i) }),
    };
  }
}

export function histogramAt({ histograms: h }: SampleBatch, row: number): HistogramMessage {
  const side = (name: "positive" | "negative"): BucketRuns => {
    const spans = h[`${name}Spans`];
    const counts = h[`${name}Counts`];
    const [from, to] = [spans.offsets[row] as number, spans.offsets[row + 1] as number];
    return {
      gaps: spans.gap.slice(from, to),
      lengths: spans.length.slice(from, to),
      counts: counts.values.slice(counts.offsets[row] as number, counts.offsets[row + 1] as number),
    };
  };
  const { customValues } = h;
  return {
    timeMs: h.timeMs[row] as number,
    startMs: h.startMs[row] as number,
    schema: h.schema[row] as number,
    resetHint: h.resetHint[row] as number,
    zeroThreshold: h.zeroThreshold[row] as number,
    zeroCount: h.zeroCount[row] as number,
    count: h.count[row] as number,
    sumWords: new Uint32Array(h.sum.buffer, h.sum.byteOffset + row * 8, 2).slice(),
    positive: side("positive"),
    negative: side("negative"),
    customValues: customValues.values.slice(
      customValues.offsets[row] as number,
      customValues.offsets[row + 1] as number,
    ),
  };
}

function exemplarAt({ exemplars: e, keys }: SampleBatch, row: number): WriteExemplar {
  const labels: [string, string][] = [];
  const trace = hex(e.traceId.subarray(row * 16, row * 16 + 16));
  const span = hex(e.spanId.subarray(row * 8, row * 8 + 8));
  if (trace !== "") labels.push(["trace_id", trace]);
  if (span !== "") labels.push(["span_id", span]);
  const { attributes } = e;
  for (let i = attributes.offsets[row] as number; i < (attributes.offsets[row + 1] as number); i++)
    labels.push([keys.text(attributes.keys[i] as number), attributes.values.text(i)]);
  labels.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { labels, value: e.value[row] as number, timeMs: e.timeMs[row] as number };
}

/** "" when all bytes are zero: there is no id. */
function hex(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return /^0*$/.test(text) ? "" : text;
}
