/**
 * The order of samples, as Prometheus wants it: a sample is newer than the last of its series, or the very same one
 * again; others are refused, unless they are late by no more than `out_of_order_time_window`. What this process has not
 * seen since it started is not known, and taken.
 */
import type { SampleBatch, SeriesTable } from "@triptych/model";
import { compactFloats, rewriteHistograms } from "../scrape/compact-batch.ts";

export type Disorder = "out_of_order" | "duplicate_timestamp" | "too_old";

export interface CheckedOrder {
  readonly refusedFloats: number;
  readonly refusedHistograms: number;
  readonly reasons: ReadonlyMap<Disorder, number>;
  /** What the first was refused for, in Prometheus' words; "" when none was. */
  readonly reason: string;
  /** To be called when what is left of the batch is durable: only then is it the last of its series. */
  readonly taken: () => void;
}

export interface SampleOrder {
  /** Takes out of the batch what comes too late, and what is there already. */
  check(batch: SampleBatch): CheckedOrder;
}

const FLOAT = 1;
const HISTOGRAM = 2;
const words: { readonly [disorder in Disorder]: string } = {
  out_of_order: "out of order sample",
  duplicate_timestamp: "duplicate sample for timestamp",
  too_old: "too old sample",
};

/** The last durable sample of each series of a table, by row. */
class Last {
  ms = new Float64Array(0);
  /** Two words a value: an engine may change the payload of a NaN on its way through a number. */
  value = new Uint32Array(0);
  kind = new Uint8Array(0);
  /** Where the series is among those of the batch under way, when `batchOf` has the number of that batch. */
  place = new Uint32Array(0);
  batchOf = new Uint32Array(0);
  batches = 0;

  fit(rows: number): void {
    const known = this.ms.length;
    if (rows <= known) return;
    const size = Math.max(1024, 2 ** Math.ceil(Math.log2(rows)));
    const { ms, value, kind, place, batchOf } = this;
    this.ms = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
    this.ms.set(ms);
    this.value = new Uint32Array(size * 2);
    this.value.set(value);
    this.kind = new Uint8Array(size);
    this.kind.set(kind);
    this.place = new Uint32Array(size);
    this.place.set(place);
    this.batchOf = new Uint32Array(size);
    this.batchOf.set(batchOf);
  }
}

export function createSampleOrder(windowMs: () => number): SampleOrder {
  const tables = new WeakMap<SeriesTable, Last>();
  let newestMs = Number.NEGATIVE_INFINITY;
  return {
    check(batch) {
      let last = tables.get(batch.series);
      if (last === undefined) {
        last = new Last();
        tables.set(batch.series, last);
      }
      last.fit(batch.series.rows);
      const pass = new Pass(batch, last, { windowMs: windowMs(), newestMs });
      pass.run();
      return {
        refusedFloats: pass.refusedFloats,
        refusedHistograms: pass.refusedHistograms,
        reasons: pass.reasons,
        reason: pass.reason,
        taken: () => {
          newestMs = Math.max(newestMs, pass.newestMs);
          pass.remember();
        },
      };
    },
  };
}

/** One batch: what of it may stay, and what is the last of each series then. */
class Pass {
  refusedFloats = 0;
  refusedHistograms = 0;
  reason = "";
  newestMs = Number.NEGATIVE_INFINITY;
  readonly reasons = new Map<Disorder, number>();
  private readonly batch: SampleBatch;
  private readonly last: Last;
  private readonly number: number;
  private readonly late: { readonly windowMs: number; readonly newestMs: number };
  /** Series of the batch, in the order in which they came, with their newest sample so far. */
  private readonly series: Uint32Array;
  private readonly ms: Float64Array;
  readonly value: Uint32Array;
  readonly kind: Uint8Array;
  private count = 0;
  /** What is being looked at: kind and values. */
  private kindNow = FLOAT;
  private wordsNow = new Uint32Array(0);

  constructor(
    batch: SampleBatch,
    last: Last,
    late: { readonly windowMs: number; readonly newestMs: number },
  ) {
    this.batch = batch;
    this.last = last;
    this.late = late;
    this.number = ++last.batches;
    this.series = new Uint32Array(batch.rows);
    this.ms = new Float64Array(batch.rows);
    this.value = new Uint32Array(batch.rows * 2);
    this.kind = new Uint8Array(batch.rows);
  }

  run(): void {
    const { samples, histograms } = this.batch;
    this.kindNow = FLOAT;
    this.wordsNow = wordsOf(samples.value);
    const floats = this.leftOut(samples);
    this.refusedFloats = floats.refused;
    if (floats.gone.size > 0) compactFloats(samples, (row) => !floats.gone.has(row));
    this.kindNow = HISTOGRAM;
    this.wordsNow = wordsOf(histograms.sum);
    const { gone, refused } = this.leftOut(histograms);
    this.refusedHistograms = refused;
    if (gone.size > 0)
      rewriteHistograms(this.batch, (row, histogram) => (gone.has(row) ? undefined : histogram));
  }

  private leftOut(rows: {
    readonly rows: number;
    readonly series: Uint32Array;
    readonly timeMs: Float64Array;
  }): { readonly gone: ReadonlySet<number>; readonly refused: number } {
    const gone = new Set<number>();
    let refused = 0;
    for (let row = 0; row < rows.rows; row++) {
      const found = this.look(rows.series[row] as number, rows.timeMs[row] as number, row);
      if (found === "taken") continue;
      gone.add(row);
      if (found === "known") continue;
      refused++;
      this.reasons.set(found, (this.reasons.get(found) ?? 0) + 1);
      if (this.reason === "") this.reason = words[found];
    }
    return { gone, refused };
  }

  /** `known` is not written again; nor is what is not newer in the same request, which Prometheus drops in silence too. */
  private look(series: number, atMs: number, row: number): "taken" | "known" | Disorder {
    const { last } = this;
    const isHere = last.batchOf[series] === this.number;
    const place = last.place[series] as number;
    const lastMs = (isHere ? this.ms[place] : last.ms[series]) as number;
    if (atMs > lastMs) {
      this.note(series, atMs, row);
      return "taken";
    }
    const isSame =
      atMs === lastMs && (isHere ? this.is(this, place, row) : this.is(last, series, row));
    if (isSame) return "known";
    const { windowMs, newestMs } = this.late;
    if (windowMs > 0) return atMs >= newestMs - windowMs ? "taken" : "too_old";
    if (isHere && atMs > (last.ms[series] as number)) return "known";
    return atMs === last.ms[series] ? "duplicate_timestamp" : "out_of_order";
  }

  /** Whether the sample of this row is the one noted there. */
  private is(
    noted: { readonly value: Uint32Array; readonly kind: Uint8Array },
    at: number,
    row: number,
  ): boolean {
    return (
      noted.kind[at] === this.kindNow &&
      noted.value[at * 2] === this.wordsNow[row * 2] &&
      noted.value[at * 2 + 1] === this.wordsNow[row * 2 + 1]
    );
  }

  private note(series: number, atMs: number, row: number): void {
    const { last } = this;
    const isHere = last.batchOf[series] === this.number;
    const place = isHere ? (last.place[series] as number) : this.count++;
    last.batchOf[series] = this.number;
    last.place[series] = place;
    this.series[place] = series;
    this.ms[place] = atMs;
    this.value[place * 2] = this.wordsNow[row * 2] as number;
    this.value[place * 2 + 1] = this.wordsNow[row * 2 + 1] as number;
    this.kind[place] = this.kindNow;
    if (atMs > this.newestMs) this.newestMs = atMs;
  }

  remember(): void {
    const { last } = this;
    for (let place = 0; place < this.count; place++) {
      const series = this.series[place] as number;
      if ((this.ms[place] as number) <= (last.ms[series] as number)) continue;
      last.ms[series] = this.ms[place] as number;
      last.value[series * 2] = this.value[place * 2] as number;
      last.value[series * 2 + 1] = this.value[place * 2 + 1] as number;
      last.kind[series] = this.kind[place] as number;
    }
  }
}

const wordsOf = ({ buffer, byteOffset, length }: Float64Array): Uint32Array<ArrayBuffer> =>
  new Uint32Array(buffer as ArrayBuffer, byteOffset, length * 2);
