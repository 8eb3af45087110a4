/** Aggregations that take one row after the other and hold one value for each step. */
import { type Annotations, messages } from "./annotations.ts";
import type { Aggregate } from "./ast.ts";
import { compact, type Histogram } from "./histogram.ts";
import { HistogramMean, HistogramSum } from "./histogram-sum.ts";
import { isInfinite, type KahanSum, kahanAdd } from "./kahan.ts";
import { metricName } from "./labels.ts";
import { FLOAT, HISTOGRAM, NONE, putValue, type Row, type RowBuilder } from "./rows.ts";
import type { Span } from "../source.ts";

export interface AggregateContext {
  readonly op: Aggregate["op"];
  /** Of what is aggregated. */
  readonly span: Span;
  readonly annotations: Annotations;
  readonly steps: number;
  /** Whether one value alone deviates by nothing whatever it is, as in LogQL; here what is not finite gives NaN. */
  readonly aloneIsZero?: boolean | undefined;
}

export interface Accumulator {
  /** Must not keep the row. */
  add(row: Row): void;
  /** Writes the result into an empty row. Called once, last. */
  finish(out: RowBuilder): void;
}

export const accumulators: {
  readonly [op in Aggregate["op"]]?: (context: AggregateContext) => Accumulator;
} = {
  sum: sums,
  avg: sums,
  count: counts,
  group: counts,
  min: extremes,
  max: extremes,
  stddev: deviations,
  stdvar: deviations,
};

function counts({ op, steps }: AggregateContext): Accumulator {
  const count = new Uint32Array(steps);
  return {
    add({ kind }) {
      for (let step = 0; step < steps; step++)
        if (kind[step] !== NONE) count[step] = (count[step] as number) + 1;
    },
    finish(out) {
      for (let step = 0; step < steps; step++) {
        if (count[step] === 0) continue;
        out.kind[step] = FLOAT;
        out.value[step] = op === "group" ? 1 : (count[step] as number);
      }
    },
  };
}

function noteHistograms({ op, span, annotations }: AggregateContext, row: Row): void {
  if (row.histograms !== undefined && row.kind.includes(HISTOGRAM))
    annotations.info(messages.histogramIgnoredInAggregation(op), span);
}

/** NaN gives way to any number. */
function extremes(context: AggregateContext): Accumulator {
  const { op, steps } = context;
  const isMin = op === "min";
  const held = new Float64Array(steps);
  const heldKind = new Uint8Array(steps);
  return {
    add(row) {
      noteHistograms(context, row);
      const { kind, value } = row;
      for (let step = 0; step < steps; step++) {
        if (kind[step] !== FLOAT) continue;
        const candidate = value[step] as number;
        const best = held[step] as number;
        if (
          heldKind[step] === NONE ||
          Number.isNaN(best) ||
          (isMin ? candidate < best : candidate > best)
        )
          held[step] = candidate;
        heldKind[step] = FLOAT;
      }
    },
    finish(out) {
      out.kind.set(heldKind);
      out.value.set(held);
    },
  };
}

/** Variance by Welford's running means. */
function deviations(context: AggregateContext): Accumulator {
  const { op, steps, aloneIsZero } = context;
  const count = new Float64Array(steps);
  const mean = new Float64Array(steps);
  const squares = new Float64Array(steps);
  return {
    add(row) {
      noteHistograms(context, row);
      const { kind, value } = row;
      for (let step = 0; step < steps; step++) {
        if (kind[step] !== FLOAT) continue;
        const v = value[step] as number;
        const n = (count[step] as number) + 1;
        count[step] = n;
        if (n === 1) {
          mean[step] = v;
          squares[step] = Number.isFinite(v) || aloneIsZero === true ? 0 : Number.NaN;
          continue;
        }
        const delta = v - (mean[step] as number);
        mean[step] = (mean[step] as number) + delta / n;
        squares[step] = (squares[step] as number) + delta * (v - (mean[step] as number));
      }
    },
    finish(out) {
      for (let step = 0; step < steps; step++) {
        const n = count[step] as number;
        if (n === 0) continue;
        const variance = (squares[step] as number) / n;
        out.kind[step] = FLOAT;
        out.value[step] = op === "stddev" ? Math.sqrt(variance) : variance;
      }
    },
  };
}

/** Sums and means: of floats in arrays, of histograms one by one. Both at one step give nothing but a warning. */
function sums({ op, span, annotations, steps }: AggregateContext): Accumulator {
  const isAvg = op === "avg";
  const floats = new FloatSums(steps, isAvg);
  const histograms: (HistogramSum | HistogramMean | undefined)[] = [];
  const broken = new Set<number>();
  const addHistograms = (row: Row): void => {
    for (let step = 0; step < steps; step++) {
      const histogram = row.kind[step] === HISTOGRAM ? row.histograms?.[step] : undefined;
      if (histogram === undefined || broken.has(step)) continue;
      if (histograms[step] === undefined) {
        histograms[step] = isAvg ? new HistogramMean() : new HistogramSum();
        // When a float came first the step is a mix, whatever the histograms are.
        if (floats.has(step)) {
          broken.add(step);
          continue;
        }
      }
      if (histograms[step]?.add(histogram)) continue;
      annotations.warning(messages.mixedSchemas(metricName(row.labels)), span);
      broken.add(step);
    }
  };
  return {
    add(row) {
      floats.add(row);
      if (row.histograms !== undefined) addHistograms(row);
    },
    finish(out) {
      for (let step = 0; step < steps; step++) {
        const sum = histograms[step];
        if (floats.has(step) && sum !== undefined) {
          annotations.warning(messages.mixedFloatsHistogramsAggregation, span);
          continue;
        }
        if (floats.has(step)) {
          putValue(out, step, floats.result(step));
          continue;
        }
        if (sum === undefined) continue;
        if (sum.reconciled) annotations.info(messages.reconciled("aggregation"), span);
        if (broken.has(step)) continue;
        if (sum.collision) annotations.warning(messages.resetCollision("aggregation"), span);
        putValue(out, step, compact(sum.result() as Histogram));
      }
    },
  };
}

const cell: KahanSum = { sum: 0, compensation: 0 };

/** Compensated sums of floats, or their means, for each step. */
class FloatSums {
  private readonly sum: Float64Array;
  private readonly lost: Float64Array;
  /** Without the rows that had a value at every step once all steps had one. */
  private readonly count: Uint32Array;
  private fullRows = 0;
  private isStarted = false;
  private hasMeans = false;
  /** Where the sum would overflow, `sum` is the mean so far. */
  private readonly isMean: Uint8Array;
  private readonly isAvg: boolean;

  constructor(steps: number, isAvg: boolean) {
    this.sum = new Float64Array(steps);
    this.lost = new Float64Array(steps);
    this.count = new Uint32Array(steps);
    this.isMean = new Uint8Array(steps);
    this.isAvg = isAvg;
  }

  has(step: number): boolean {
    return this.count[step] !== 0;
  }

  private countAt(step: number): number {
    return (this.count[step] as number) + this.fullRows;
  }

  add(row: Row): void {
    const isFull = row.histograms === undefined && !row.kind.includes(NONE);
    if (isFull && this.isStarted && !this.hasMeans) this.addFull(row.value);
    else this.addSome(row);
    this.isStarted ||= isFull;
  }

  /** `kahanAdd` written out, because this loop is most of a sum's work. */
  private addFull(value: Float64Array): void {
    const { sum, lost } = this;
    this.fullRows++;
    for (let step = 0; step < value.length; step++) {
      const v = value[step] as number;
      const held = sum[step] as number;
      const total = held + v;
      if (total - total === 0) {
        const big = held < 0 ? -held : held;
        const small = v < 0 ? -v : v;
        lost[step] = (lost[step] as number) + (big >= small ? held - total + v : v - total + held);
        sum[step] = total;
      } else {
        this.addRare(step, v, this.countAt(step));
      }
    }
  }

  private addSome({ kind, value }: Row): void {
    const { sum, lost, count, fullRows } = this;
    for (let step = 0; step < kind.length; step++) {
      if (kind[step] !== FLOAT) continue;
      const v = value[step] as number;
      const counted = (count[step] as number) + 1;
      count[step] = counted;
      const n = counted + fullRows;
      const held = sum[step] as number;
      const total = held + v;
      // What is common first, as above.
      if (n > 1 && total - total === 0 && this.isMean[step] === 0) {
        const big = held < 0 ? -held : held;
        const small = v < 0 ? -v : v;
        lost[step] = (lost[step] as number) + (big >= small ? held - total + v : v - total + held);
        sum[step] = total;
      } else {
        this.addRare(step, v, n);
      }
    }
  }

  private addRare(step: number, v: number, n: number): void {
    const { sum, lost } = this;
    if (n === 1) {
      sum[step] = v;
      return;
    }
    if (this.isMean[step] === 1) {
      this.addToMean(step, v, n);
      return;
    }
    cell.sum = sum[step] as number;
    cell.compensation = lost[step] as number;
    kahanAdd(cell, v);
    if (this.isAvg && isInfinite(cell.sum)) {
      this.isMean[step] = 1;
      this.hasMeans = true;
      sum[step] = (sum[step] as number) / (n - 1);
      lost[step] = (lost[step] as number) / (n - 1);
      this.addToMean(step, v, n);
      return;
    }
    sum[step] = cell.sum;
    lost[step] = cell.compensation;
  }

  private addToMean(step: number, value: number, n: number): void {
    const share = (n - 1) / n;
    cell.sum = share * (this.sum[step] as number);
    cell.compensation = share * (this.lost[step] as number);
    kahanAdd(cell, value / n);
    this.sum[step] = cell.sum;
    this.lost[step] = cell.compensation;
  }

  result(step: number): number {
    const sum = this.sum[step] as number;
    const lost = this.lost[step] as number;
    if (!this.isAvg || this.isMean[step] === 1) return sum + lost;
    const n = this.countAt(step);
    return sum / n + lost / n;
  }
}
