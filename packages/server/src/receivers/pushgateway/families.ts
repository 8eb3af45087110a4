/**
 * Pushed metrics at rest: families of series as plain data, which is what is saved, shown, and emitted again. Pushes
 * are small and rare, so these are objects; on their way to the store they are columns again.
 */
import {
  type MetricMetadata,
  type MetricType,
  type SampleBatch,
  Temporality,
} from "@triptych/model";

export type Labels = readonly (readonly [name: string, value: string])[];

/** A float sample; the value is text, because JSON has no NaN and no infinities. */
export interface PushedSample {
  readonly labels: Labels;
  readonly value: string;
}

export interface PushedHistogram {
  readonly labels: Labels;
  readonly schema: number;
  readonly resetHint: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: string;
  readonly positive: PushedSide;
  readonly negative: PushedSide;
}

export interface PushedSide {
  readonly gaps: readonly number[];
  readonly lengths: readonly number[];
  readonly counts: readonly number[];
}

export interface PushedFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly PushedSample[];
  readonly histograms: readonly PushedHistogram[];
  /** When it was pushed, milliseconds. */
  readonly atMs: number;
}

const suffixes: { readonly [T in MetricType]?: readonly string[] } = {
  histogram: ["_bucket", "_count", "_sum"],
  gaugehistogram: ["_bucket", "_count", "_sum", "_gcount", "_gsum"],
  summary: ["_count", "_sum"],
  counter: ["_total", "_created"],
  info: ["_info"],
};

/** The families of a parsed push; a series without a TYPE is a family of its own. */
export function familiesOf(batch: SampleBatch, atMs: number): Map<string, PushedFamily> {
  type Open = PushedFamily & { samples: PushedSample[]; histograms: PushedHistogram[] };
  const known = new Map(batch.metadata.map((metadata) => [metadata.family, metadata]));
  const families = new Map<string, Open>();
  const familyOf = (series: number): Open => {
    const metadata = metadataOf(batch.series.label(series, "__name__"), known);
    let family = families.get(metadata.family);
    if (family === undefined) {
      const { family: name, type, help } = metadata;
      family = { name, type, help, samples: [], histograms: [], atMs };
      families.set(name, family);
    }
    return family;
  };
  const { samples, histograms } = batch;
  for (let row = 0; row < samples.rows; row++) {
    const series = samples.series[row] as number;
    const value = valueText(samples.value[row] as number);
    familyOf(series).samples.push({ labels: batch.series.labels(series), value });
  }
  for (let row = 0; row < histograms.rows; row++) {
    const series = histograms.series[row] as number;
    familyOf(series).histograms.push(histogramAt(batch, row));
  }
  return families;
}

function metadataOf(name: string, known: ReadonlyMap<string, MetricMetadata>): MetricMetadata {
  const own = known.get(name);
  if (own !== undefined) return own;
  for (let at = name.lastIndexOf("_"); at > 0; at = -1) {
    const family = known.get(name.slice(0, at));
    if (family !== undefined && suffixes[family.type]?.includes(name.slice(at)) === true)
      return family;
  }
  return { family: name, type: "unknown", help: "", unit: "" };
}

function histogramAt({ series, histograms: h }: SampleBatch, row: number): PushedHistogram {
  const side = (name: "positive" | "negative"): PushedSide => {
    const spans = h[`${name}Spans`];
    const counts = h[`${name}Counts`];
    const [from, to] = [spans.offsets[row] as number, spans.offsets[row + 1] as number];
    return {
      gaps: [...spans.gap.subarray(from, to)],
      lengths: [...spans.length.subarray(from, to)],
      counts: [
        ...counts.values.subarray(counts.offsets[row] as number, counts.offsets[row + 1] as number),
      ],
    };
  };
  return {
    labels: series.labels(h.series[row] as number),
    schema: h.schema[row] as number,
    resetHint: h.resetHint[row] as number,
    zeroThreshold: h.zeroThreshold[row] as number,
    zeroCount: h.zeroCount[row] as number,
    count: h.count[row] as number,
    sum: valueText(h.sum[row] as number),
    positive: side("positive"),
    negative: side("negative"),
  };
}

/** As the exposition formats write numbers, which is also what `Number` reads, infinities apart. */
export function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

export function numberOf(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Adds a family to a batch, all samples with the time `nowMs`. */
export function addFamily(batch: SampleBatch, family: PushedFamily, nowMs: number): void {
  const { name, type, help } = family;
  const isGauge = type !== "counter" && type !== "histogram" && type !== "summary";
  const temporality = isGauge ? Temporality.gauge : Temporality.cumulative;
  for (const { labels, value } of family.samples)
    batch.samples.add(addSeries(batch, labels, temporality), nowMs, 0, numberOf(value));
  for (const histogram of family.histograms) addHistogram(batch, histogram, nowMs);
  batch.metadata.push({ family: name, type, help, unit: "" });
}

export function addSeries(batch: SampleBatch, labels: Labels, temporality: number): number {
  for (const [name, value] of labels) batch.series.addLabelText(name, value);
  return batch.series.end(temporality);
}

function addHistogram(batch: SampleBatch, histogram: PushedHistogram, nowMs: number): void {
  const { histograms: h } = batch;
  const row = h.addRow(addSeries(batch, histogram.labels, Temporality.cumulative), nowMs, 0);
  h.schema[row] = histogram.schema;
  h.resetHint[row] = histogram.resetHint;
  h.zeroThreshold[row] = histogram.zeroThreshold;
  h.zeroCount[row] = histogram.zeroCount;
  h.count[row] = histogram.count;
  h.sum[row] = numberOf(histogram.sum);
  for (const name of ["positive", "negative"] as const) {
    const { gaps, lengths, counts } = histogram[name];
    for (const [i, gap] of gaps.entries()) h[`${name}Spans`].push(gap, lengths[i] ?? 0);
    for (const count of counts) h[`${name}Counts`].push(count);
  }
  h.endRow();
}
