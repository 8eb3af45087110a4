/**
 * One native histogram as Prometheus' messages carry it: fields are read into this reused object, checked as
 * Prometheus checks them, and added to the batch as absolute counts.
 */
import {
  type HistogramSamples,
  type RaggedF64,
  STALE_NAN_WORDS,
  type SpanRuns,
} from "@triptych/model";
import { NumberList } from "../otlp/metric-point.ts";

const SCHEMA_CUSTOM = -53;
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;

/** Buckets of one sign: runs, and their counts as differences (of integers) or absolute. */
export class HistogramSide {
  readonly gaps = new NumberList();
  readonly lengths = new NumberList();
  readonly deltas = new NumberList();
  readonly counts = new NumberList();

  clear(): void {
    this.gaps.clear();
    this.lengths.clear();
    this.deltas.clear();
    this.counts.clear();
  }
}

export class NativeHistogram {
  timeMs = 0;
  startMs = 0;
  isFloat = false;
  count = 0;
  zeroCount = 0;
  sumLow = 0;
  sumHigh = 0;
  sum = 0;
  schema = 0;
  zeroThreshold = 0;
  resetHint = 0;
  readonly positive = new HistogramSide();
  readonly negative = new HistogramSide();
  readonly customValues = new NumberList();

  clear(): void {
    this.timeMs = 0;
    this.startMs = 0;
    this.isFloat = false;
    this.count = 0;
    this.zeroCount = 0;
    this.sumLow = 0;
    this.sumHigh = 0;
    this.sum = 0;
    this.schema = 0;
    this.zeroThreshold = 0;
    this.resetHint = 0;
    this.positive.clear();
    this.negative.clear();
    this.customValues.clear();
  }

  get isStale(): boolean {
    return this.sumLow === STALE_NAN_WORDS.low && this.sumHigh === STALE_NAN_WORDS.high;
  }

  /** Makes the counts absolute and says what is wrong with them, "" when nothing is. Call once, before `addTo`. */
  problem(): string {
    if (this.isStale) return "";
    const { schema, positive, negative, customValues, resetHint } = this;
    if (resetHint > 3) return `a histogram has the unknown reset hint ${resetHint}`;
    const isCustom = schema === SCHEMA_CUSTOM;
    if (!isCustom && (schema < SCHEMA_MIN || schema > SCHEMA_MAX))
      return `a histogram has the unknown schema ${schema}`;
    if (customValues.overflow) return "a histogram has too many custom bounds";
    if (isCustom) {
      if (this.zeroCount !== 0 || this.zeroThreshold !== 0 || negative.lengths.length > 0)
        return "a histogram with custom bounds has a zero bucket or negative buckets";
      const wrong = problemOfBounds(customValues);
      if (wrong !== "") return wrong;
    } else if (customValues.length > 0) return `a histogram of schema ${schema} has custom bounds`;
    if (!(this.zeroThreshold >= 0)) return "a histogram's zero threshold is negative or no number";
    if (!(this.zeroCount >= 0) || !(this.count >= 0)) return "a histogram has a negative count";
    const wrong = problemOfSide(positive, this.isFloat) || problemOfSide(negative, this.isFloat);
    if (wrong !== "") return wrong;
    if (isCustom && reach(positive) > customValues.length + 1)
      return "a histogram has more buckets than custom bounds";
    return this.isFloat ? "" : this.problemOfTotal();
  }

  private problemOfTotal(): string {
    const inBuckets = total(this.positive.counts) + total(this.negative.counts) + this.zeroCount;
    // Observations of NaN are counted but fall into no bucket.
    const fits = Number.isNaN(this.sum) ? inBuckets <= this.count : inBuckets === this.count;
    return fits
      ? ""
      : `a histogram counts ${this.count} observations but its buckets hold ${inBuckets}`;
  }

  /** Leaves out empty buckets, as Prometheus does with what it scrapes. After `problem`, which found none. */
  compact(): void {
    compactSide(this.positive);
    compactSide(this.negative);
  }

  addTo(histograms: HistogramSamples, series: number): void {
    const row = histograms.addRow(series, this.timeMs, this.startMs);
    histograms.schema[row] = this.schema;
    histograms.resetHint[row] = this.resetHint;
    histograms.zeroThreshold[row] = this.zeroThreshold;
    if (this.isStale) {
      const words = new Uint32Array(histograms.sum.buffer, histograms.sum.byteOffset + row * 8, 2);
      words[0] = STALE_NAN_WORDS.low;
      words[1] = STALE_NAN_WORDS.high;
    } else {
      histograms.zeroCount[row] = this.zeroCount;
      histograms.count[row] = this.count;
      histograms.sum[row] = this.sum;
      addSide(this.positive, histograms.positiveSpans, histograms.positiveCounts);
      addSide(this.negative, histograms.negativeSpans, histograms.negativeCounts);
      const { values, length } = this.customValues;
      for (let i = 0; i < length; i++) histograms.customValues.push(values[i] as number);
    }
    histograms.endRow();
  }
}

function addSide(side: HistogramSide, spans: SpanRuns, counts: RaggedF64): void {
  for (let i = 0; i < side.lengths.length; i++)
    spans.push(side.gaps.values[i] as number, side.lengths.values[i] as number);
  for (let i = 0; i < side.counts.length; i++) counts.push(side.counts.values[i] as number);
}

function compactSide(side: HistogramSide): void {
  const { gaps, lengths, counts } = side;
  const found: (readonly [index: number, count: number])[] = [];
  let index = 0;
  let at = 0;
  for (let span = 0; span < lengths.length; span++) {
    index += gaps.values[span] as number;
    for (let i = 0; i < (lengths.values[span] as number); i++) {
      const count = counts.values[at++] as number;
      if (count !== 0) found.push([index, count]);
      index++;
    }
  }
  side.clear();
  let end = 0;
  for (let from = 0; from < found.length; ) {
    const [start] = found[from] as readonly [number, number];
    let length = 0;
    while (found[from]?.[0] === start + length) {
      counts.push((found[from] as readonly [number, number])[1]);
      length++;
      from++;
    }
    gaps.push(start - end);
    lengths.push(length);
    end = start + length;
  }
}

function problemOfSide(side: HistogramSide, isFloat: boolean): string {
  const { gaps, lengths, deltas, counts } = side;
  if (lengths.overflow || deltas.overflow || counts.overflow)
    return "a histogram has too many buckets";
  if (!isFloat) {
    if (counts.length > 0) return "a histogram of integers has bucket counts of floats";
    let count = 0;
    for (let i = 0; i < deltas.length; i++) {
      count += deltas.values[i] as number;
      counts.push(count);
    }
  } else if (deltas.length > 0) return "a histogram of floats has bucket counts of integers";
  let buckets = 0;
  for (let i = 0; i < lengths.length; i++) {
    if (i > 0 && (gaps.values[i] as number) < 0) return "a histogram's spans overlap";
    buckets += lengths.values[i] as number;
  }
  if (buckets !== counts.length)
    return `a histogram has ${counts.length} bucket counts where its spans need ${buckets}`;
  for (let i = 0; i < counts.length; i++)
    if (!((counts.values[i] as number) >= 0)) return "a histogram's bucket has a negative count";
  return "";
}

function problemOfBounds(bounds: NumberList): string {
  for (let i = 0; i < bounds.length; i++) {
    const bound = bounds.values[i] as number;
    if (Number.isNaN(bound) || bound === Number.POSITIVE_INFINITY)
      return "a histogram's custom bounds include NaN or +Inf";
    if (i > 0 && !(bound > (bounds.values[i - 1] as number)))
      return "a histogram's custom bounds do not ascend";
  }
  return "";
}

/** One more than the index of the last bucket. */
function reach(side: HistogramSide): number {
  let end = 0;
  for (let i = 0; i < side.lengths.length; i++)
    end += (side.gaps.values[i] as number) + (side.lengths.values[i] as number);
  return end;
}

function total(counts: NumberList): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts.values[i] as number;
  return sum;
}
