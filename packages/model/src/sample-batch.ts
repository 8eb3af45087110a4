/**
 * Metrics as columns, already in Prometheus' shape: series with sorted labels (`__name__` among them), float
 * samples, native histograms, exemplars and metadata that point at series by row. Ownership as in `SpanBatch`.
 */
import { AttributeColumns } from "./attributes.ts";
import { type ByteColumn, grownF64, grownI32, grownU8, grownU32 } from "./byte-column.ts";
import { Dictionary } from "./dictionary.ts";

/** How a series' values relate in time. `delta` is turned into `cumulative` by the pipeline before the journal. */
export const Temporality = { gauge: 0, delta: 1, cumulative: 2 } as const;
export type Temporality = (typeof Temporality)[keyof typeof Temporality];

/** The NaN with these bits says "the series ended here" (Prometheus `value.StaleNaN`, 0x7ff0000000000002). */
export const STALE_NAN_WORDS = { low: 2, high: 0x7ff00000 } as const;

/**
 * Labels of the batch's series. Series `i` owns entries `offsets[i] .. offsets[i + 1]`, sorted by name bytes. Rows are
 * only ever added; a `lasting` table has those of many batches, most of which refer to few of them.
 */
export class SeriesTable {
  /** Rows outlive the batch: what was found out about one may be kept beside the table. */
  readonly lasting: boolean;
  /** Whether any row is of `delta` temporality. */
  hasDelta = false;
  rows = 0;
  offsets = new Uint32Array(65);
  entries = 0;
  /** Ids in `names` and `values`. */
  nameId = new Uint32Array(256);
  valueId = new Uint32Array(256);
  readonly names = new Dictionary();
  readonly values = new Dictionary();
  /** A 64-bit hash of the sorted labels; equal labels give equal hashes in every process and version. */
  hashLow = new Uint32Array(64);
  hashHigh = new Uint32Array(64);
  temporality = new Uint8Array(64);

  constructor(lasting = false) {
    this.lasting = lasting;
  }

  /** What it takes in memory. */
  get bytes(): number {
    const perEntry = this.nameId.length * 8;
    return perEntry + this.offsets.length * 13 + this.names.bytes + this.values.bytes;
  }

  addLabel(nameId: number, valueId: number): void {
    const at = this.entries++;
    if (at === this.nameId.length) {
      this.nameId = grownU32(this.nameId, at + 1);
      this.valueId = grownU32(this.valueId, at + 1);
    }
    this.nameId[at] = nameId;
    this.valueId[at] = valueId;
  }

  addLabelText(name: string, value: string): void {
    this.addLabel(this.names.internText(name), this.values.internText(value));
  }

  /** Sorts and hashes the open series' labels, closes it and returns its row. Labels with empty values must not be added. */
  end(temporality: number): number {
    const start = this.offsets[this.rows] as number;
    this.sort(start, this.entries);
    const row = this.rows++;
    if (row + 2 > this.offsets.length) {
      const n = this.offsets.length * 2;
      this.offsets = grownU32(this.offsets, n);
      this.hashLow = grownU32(this.hashLow, n);
      this.hashHigh = grownU32(this.hashHigh, n);
      this.temporality = grownU8(this.temporality, n);
    }
    this.offsets[row + 1] = this.entries;
    this.temporality[row] = temporality;
    if (temporality === Temporality.delta) this.hasDelta = true;
    this.hash(row);
    return row;
  }

  /** Value of label `name` of series `row`, or "" as Prometheus treats a label that is not there. */
  label(row: number, name: string): string {
    const id = this.names.find(name);
    if (id < 0) return "";
    for (let i = this.offsets[row] as number; i < (this.offsets[row + 1] as number); i++) {
      if (this.nameId[i] === id) return this.values.text(this.valueId[i] as number);
    }
    return "";
  }

  /** All labels of series `row`, sorted by name. */
  labels(row: number): [name: string, value: string][] {
    const out: [string, string][] = [];
    for (let i = this.offsets[row] as number; i < (this.offsets[row + 1] as number); i++) {
      out.push([
        this.names.text(this.nameId[i] as number),
        this.values.text(this.valueId[i] as number),
      ]);
    }
    return out;
  }

  /** Insertion sort: labels are few and mostly in order already. */
  private sort(start: number, end: number): void {
    const { nameId, valueId } = this;
    for (let i = start + 1; i < end; i++) {
      const name = nameId[i] as number;
      const value = valueId[i] as number;
      let j = i - 1;
      while (j >= start && this.compareNames(nameId[j] as number, name) > 0) {
        nameId[j + 1] = nameId[j] as number;
        valueId[j + 1] = valueId[j] as number;
        j--;
      }
      nameId[j + 1] = name;
      valueId[j + 1] = value;
    }
  }

  private compareNames(a: number, b: number): number {
    if (a === b) return 0;
    const { bytes, offsets } = this.names.entries;
    let i = offsets[a] as number;
    let j = offsets[b] as number;
    const iEnd = offsets[a + 1] as number;
    const jEnd = offsets[b + 1] as number;
    for (; i < iEnd && j < jEnd; i++, j++) {
      const difference = (bytes[i] as number) - (bytes[j] as number);
      if (difference !== 0) return difference;
    }
    return iEnd - i - (jEnd - j);
  }

  private hash(row: number): void {
    const state = { low: 0x9e3779b9, high: 0x85ebca6b };
    for (let i = this.offsets[row] as number; i < (this.offsets[row + 1] as number); i++) {
      mixBytes(state, this.names.entries, this.nameId[i] as number);
      mixBytes(state, this.values.entries, this.valueId[i] as number);
    }
    this.hashLow[row] = avalanche(state.low ^ (state.high >>> 15));
    this.hashHigh[row] = avalanche(state.high ^ (state.low >>> 13));
  }
}

/** Two multiplicative lanes with different constants; 0xff ends a string, as no UTF-8 text contains it. */
function mixBytes(state: { low: number; high: number }, column: ByteColumn, row: number): void {
  const { bytes, offsets } = column;
  let { low, high } = state;
  const end = offsets[row + 1] as number;
  for (let i = offsets[row] as number; i < end; i++) {
    const byte = bytes[i] as number;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x5bd1e995);
    high ^= high >>> 15;
  }
  state.low = Math.imul(low ^ 0xff, 0x01000193);
  state.high = Math.imul(high ^ 0xff, 0x5bd1e995);
}

function avalanche(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Float samples. `startMs` is 0 when the sender gave no start time. */
export class FloatSamples {
  rows = 0;
  series: Uint32Array<ArrayBuffer>;
  timeMs: Float64Array<ArrayBuffer>;
  startMs: Float64Array<ArrayBuffer>;
  value: Float64Array<ArrayBuffer>;

  constructor(rowsHint = 64) {
    this.series = new Uint32Array(rowsHint);
    this.timeMs = new Float64Array(rowsHint);
    this.startMs = new Float64Array(rowsHint);
    this.value = new Float64Array(rowsHint);
  }

  add(series: number, timeMs: number, startMs: number, value: number): void {
    const row = this.addRow(series, timeMs, startMs);
    this.value[row] = value;
  }

  /** Adds a staleness marker; its bits are written as words because engines may change a NaN's payload. */
  addStale(series: number, timeMs: number, startMs: number): void {
    const row = this.addRow(series, timeMs, startMs);
    const words = new Uint32Array(this.value.buffer, this.value.byteOffset + row * 8, 2);
    words[0] = STALE_NAN_WORDS.low;
    words[1] = STALE_NAN_WORDS.high;
  }

  private addRow(series: number, timeMs: number, startMs: number): number {
    const row = this.rows++;
    if (row === this.series.length) {
      this.series = grownU32(this.series, row + 1);
      this.timeMs = grownF64(this.timeMs, row + 1);
      this.startMs = grownF64(this.startMs, row + 1);
      this.value = grownF64(this.value, row + 1);
    }
    this.series[row] = series;
    this.timeMs[row] = timeMs;
    this.startMs[row] = startMs;
    return row;
  }
}

/** A ragged column of numbers: row `i` owns `values[offsets[i] .. offsets[i + 1])`. */
export class RaggedF64 {
  rows = 0;
  used = 0;
  offsets = new Uint32Array(17);
  values = new Float64Array(64);
  push(value: number): void {
    if (this.used === this.values.length) this.values = grownF64(this.values, this.used + 1);
    this.values[this.used++] = value;
  }
  endRow(): void {
    if (this.rows + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, this.rows + 2);
    this.offsets[++this.rows] = this.used;
  }
}

/** Bucket spans of native histograms: a gap to the previous bucket (or the start index) and a run length. */
export class SpanRuns {
  rows = 0;
  used = 0;
  offsets = new Uint32Array(17);
  gap = new Int32Array(32);
  length = new Uint32Array(32);
  push(gap: number, length: number): void {
    if (this.used === this.gap.length) {
      this.gap = grownI32(this.gap, this.used + 1);
      this.length = grownU32(this.length, this.used + 1);
    }
    this.gap[this.used] = gap;
    this.length[this.used++] = length;
  }
  endRow(): void {
    if (this.rows + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, this.rows + 2);
    this.offsets[++this.rows] = this.used;
  }
}

/**
 * Native histograms, Prometheus' model: schema -4 to 8 exponential, -53 custom bounds (in `customValues`).
 * Bucket counts are absolute (not deltas between buckets). A stale marker has `sum` = the stale NaN.
 */
export class HistogramSamples {
  rows = 0;
  series = new Uint32Array(16);
  timeMs = new Float64Array(16);
  startMs = new Float64Array(16);
  schema = new Int32Array(16);
  /** 0 unknown, 1 counter reset, 2 no reset, 3 gauge. */
  resetHint = new Uint8Array(16);
  zeroThreshold = new Float64Array(16);
  zeroCount = new Float64Array(16);
  count = new Float64Array(16);
  sum = new Float64Array(16);
  readonly positiveSpans = new SpanRuns();
  readonly positiveCounts = new RaggedF64();
  readonly negativeSpans = new SpanRuns();
  readonly negativeCounts = new RaggedF64();
  readonly customValues = new RaggedF64();

  /** Adds a zeroed row; the caller sets the columns and ends the row of all five ragged columns. */
  addRow(series: number, timeMs: number, startMs: number): number {
    const row = this.rows++;
    if (row === this.series.length) {
      const n = row * 2;
      this.series = grownU32(this.series, n);
      this.timeMs = grownF64(this.timeMs, n);
      this.startMs = grownF64(this.startMs, n);
      this.schema = grownI32(this.schema, n);
      this.resetHint = grownU8(this.resetHint, n);
      this.zeroThreshold = grownF64(this.zeroThreshold, n);
      this.zeroCount = grownF64(this.zeroCount, n);
      this.count = grownF64(this.count, n);
      this.sum = grownF64(this.sum, n);
    }
    this.series[row] = series;
    this.timeMs[row] = timeMs;
    this.startMs[row] = startMs;
    return row;
  }

  /** The marker that a series of histograms ends: one without observations whose sum is the NaN that says so. */
  addStale(series: number, timeMs: number): void {
    const row = this.addRow(series, timeMs, 0);
    const words = new Uint32Array(this.sum.buffer, this.sum.byteOffset + row * 8, 2);
    words[0] = STALE_NAN_WORDS.low;
    words[1] = STALE_NAN_WORDS.high;
    this.endRow();
  }

  endRow(): void {
    this.positiveSpans.endRow();
    this.positiveCounts.endRow();
    this.negativeSpans.endRow();
    this.negativeCounts.endRow();
    this.customValues.endRow();
  }
}

/** Exemplars; labels other than trace and span id are in `attributes` (keys in the batch's `keys`). */
export class ExemplarColumns {
  rows = 0;
  series = new Uint32Array(16);
  timeMs = new Float64Array(16);
  value = new Float64Array(16);
  /** 16 and 8 bytes a row, all zero when there is none. */
  traceId = new Uint8Array(256);
  spanId = new Uint8Array(128);
  readonly attributes = new AttributeColumns(16, 16);

  /** Adds a row; the caller sets the ids and ends the row of `attributes`. */
  addRow(series: number, timeMs: number, value: number): number {
    const row = this.rows++;
    if (row === this.series.length) {
      const n = row * 2;
      this.series = grownU32(this.series, n);
      this.timeMs = grownF64(this.timeMs, n);
      this.value = grownF64(this.value, n);
      this.traceId = grownU8(this.traceId, n * 16);
      this.spanId = grownU8(this.spanId, n * 8);
    }
    this.series[row] = series;
    this.timeMs[row] = timeMs;
    this.value[row] = value;
    return row;
  }
}

export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "gaugehistogram"
  | "summary"
  | "info"
  | "stateset"
  | "unknown";

export interface MetricMetadata {
  /** Metric family name, without `_bucket`, `_sum`, `_count`. */
  readonly family: string;
  readonly type: MetricType;
  readonly unit: string;
  readonly help: string;
}

export class SampleBatch {
  readonly signal = "samples" as const;
  readonly keys = new Dictionary();
  readonly series: SeriesTable;
  readonly samples: FloatSamples;
  readonly histograms = new HistogramSamples();
  readonly exemplars = new ExemplarColumns();
  readonly metadata: MetricMetadata[] = [];

  constructor(rowsHint = 64, series = new SeriesTable()) {
    this.series = series;
    this.samples = new FloatSamples(rowsHint);
  }
  /** Samples and histograms together: what a sender counts as accepted. */
  get rows(): number {
    return this.samples.rows + this.histograms.rows;
  }
}
