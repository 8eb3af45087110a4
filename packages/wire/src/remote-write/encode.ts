/**
 * Writes the messages of Prometheus remote write, 1.0 and 2.0. In comes what one request carries, series by series;
 * out comes the body before compression.
 */
import { type HistogramMessage, writeHistogram } from "./histogram-message.ts";
import { MessageWriter } from "./message-writer.ts";
import type { RemoteWriteVersion } from "./decode.ts";

export type WriteLabels = readonly (readonly [name: string, value: string])[];

export interface WriteExemplar {
  readonly labels: WriteLabels;
  readonly value: number;
  readonly timeMs: number;
}

export interface WriteMetadata {
  readonly family: string;
  /** A type of the model: `counter`, `gauge`, … */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** What a request carries of one series, each list in order of time. */
export interface WriteSeries {
  /** Sorted by name. */
  readonly labels: WriteLabels;
  readonly timeMs: readonly number[];
  /** 0 for samples without a start time. */
  readonly startMs: readonly number[];
  /** Two words for each value, the low one first: bits of a NaN mean something. */
  readonly valueWords: readonly number[];
  readonly histograms: readonly HistogramMessage[];
  readonly exemplars: readonly WriteExemplar[];
  /** Sent with the series by 2.0. */
  readonly metadata?: WriteMetadata | undefined;
}

const metadataTypes: readonly string[] = [
  ...["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"],
];
const metadataType = (type: string): number => Math.max(0, metadataTypes.indexOf(type));

export function encodeRemoteWrite(
  version: RemoteWriteVersion,
  series: readonly WriteSeries[],
): Uint8Array<ArrayBuffer> {
  return version === "1.0" ? encodeVersion1(series) : encodeVersion2(series);
}

/** The metadata of 1.0 travels in requests of its own. */
export function encodeRemoteWriteMetadata(
  metadata: readonly WriteMetadata[],
): Uint8Array<ArrayBuffer> {
  const out = new MessageWriter(metadata.length * 64);
  for (const { family, type, help, unit } of metadata) {
    const mark = out.begin(3);
    out.uint(1, metadataType(type));
    out.text(2, family);
    out.text(4, help);
    out.text(5, unit);
    out.end(mark);
  }
  return out.bytes();
}

function encodeVersion1(series: readonly WriteSeries[]): Uint8Array<ArrayBuffer> {
  const out = new MessageWriter(series.length * 128);
  const word = new Uint32Array(2);
  for (const one of series) {
    const mark = out.begin(1);
    writeLabels(out, one.labels);
    for (let i = 0; i < one.timeMs.length; i++)
      writeSample(out, one, i, { word, withStart: false });
    for (const exemplar of one.exemplars) {
      const inner = out.begin(3);
      writeLabels(out, exemplar.labels);
      out.double(2, exemplar.value);
      out.int64(3, exemplar.timeMs);
      out.end(inner);
    }
    for (const histogram of one.histograms) {
      const inner = out.begin(4);
      writeHistogram(out, { ...histogram, startMs: 0 });
      out.end(inner);
    }
    out.end(mark);
  }
  return out.bytes();
}

export function writeLabels(out: MessageWriter, labels: WriteLabels): void {
  for (const [name, value] of labels) {
    const mark = out.begin(1);
    out.text(1, name);
    out.text(2, value);
    out.end(mark);
  }
}

function writeSample(
  out: MessageWriter,
  series: WriteSeries,
  i: number,
  how: { readonly word: Uint32Array; readonly withStart: boolean },
): void {
  const { word } = how;
  const mark = out.begin(2);
  word[0] = series.valueWords[i * 2] as number;
  word[1] = series.valueWords[i * 2 + 1] as number;
  out.doubleBits(1, word, 0);
  out.int64(2, series.timeMs[i] as number);
  if (how.withStart) out.int64(3, series.startMs[i] as number);
  out.end(mark);
}

function encodeVersion2(series: readonly WriteSeries[]): Uint8Array<ArrayBuffer> {
  // The first symbol is the empty text: a reference of 0 means nothing.
  const symbols = new Map<string, number>([["", 0]]);
  const ref = (text: string): number => {
    const known = symbols.get(text);
    if (known !== undefined) return known;
    symbols.set(text, symbols.size);
    return symbols.size - 1;
  };
  const refs = (labels: WriteLabels): number[] =>
    labels.flatMap(([name, value]) => [ref(name), ref(value)]);
  const body = new MessageWriter(series.length * 64);
  const word = new Uint32Array(2);
  for (const one of series) {
    const mark = body.begin(5);
    body.packedUints(1, refs(one.labels));
    for (let i = 0; i < one.timeMs.length; i++)
      writeSample(body, one, i, { word, withStart: true });
    for (const histogram of one.histograms) {
      const inner = body.begin(3);
      writeHistogram(body, histogram);
      body.end(inner);
    }
    for (const exemplar of one.exemplars) {
      const inner = body.begin(4);
      body.packedUints(1, refs(exemplar.labels));
      body.double(2, exemplar.value);
      body.int64(3, exemplar.timeMs);
      body.end(inner);
    }
    if (one.metadata !== undefined) {
      const inner = body.begin(5);
      body.uint(1, metadataType(one.metadata.type));
      body.uint(3, ref(one.metadata.help));
      body.uint(4, ref(one.metadata.unit));
      body.end(inner);
    }
    body.end(mark);
  }
  const out = new MessageWriter(body.size + symbols.size * 16);
  for (const symbol of symbols.keys()) out.textAlways(4, symbol);
  out.raw(body.bytes());
  return out.bytes();
}
