/** Values of a series in windows that end at each step. Windows may overlap, or leave time between them. */
import { FLOAT } from "../promql/rows.ts";
import { quantile } from "../promql/quantile.ts";
import type { RangeAggregation } from "./ast.ts";

/** Nanoseconds since the first window's beginning, and the steps whose windows hold that time. */
export interface InWindows {
  readonly atNs: number;
  readonly from: number;
  readonly to: number;
}

export interface Windows {
  add(at: InWindows, value: number): void;
  /** Writes kind and value of the steps that have one; called once, last. */
  finish(kind: Uint8Array, value: Float64Array): void;
}

/** Sums of whole numbers: each line changes two places, however many windows hold it. */
export class CountWindows implements Windows {
  private readonly lines: Float64Array;
  private readonly sums: Float64Array;

  constructor(steps: number) {
    this.lines = new Float64Array(steps + 1);
    this.sums = new Float64Array(steps + 1);
  }

  add({ from, to }: InWindows, value: number): void {
    const { lines, sums } = this;
    lines[from] = (lines[from] as number) + 1;
    lines[to + 1] = (lines[to + 1] as number) - 1;
    sums[from] = (sums[from] as number) + value;
    sums[to + 1] = (sums[to + 1] as number) - value;
  }

  finish(kind: Uint8Array, value: Float64Array): void {
    let count = 0;
    let sum = 0;
    for (let step = 0; step < kind.length; step++) {
      count += this.lines[step] as number;
      sum += this.sums[step] as number;
      if (count <= 0) continue;
      kind[step] = FLOAT;
      value[step] = sum;
    }
  }
}

type Samples = { readonly atNs: Float64Array; readonly value: Float64Array };

/** Keeps all values and looks at those of each window. */
export class SampleWindows implements Windows {
  private atNs = new Float64Array(16);
  private value = new Float64Array(16);
  private count = 0;
  private isSorted = true;
  private readonly steps: number;
  private readonly node: RangeAggregation;
  private readonly times: { readonly rangeNs: number; readonly stepNs: number };

  constructor(
    steps: number,
    node: RangeAggregation,
    times: { readonly rangeNs: number; readonly stepNs: number },
  ) {
    this.steps = steps;
    this.node = node;
    this.times = times;
  }

  add({ atNs }: InWindows, value: number): void {
    if (this.count === this.atNs.length) {
      this.atNs = grown(this.atNs);
      this.value = grown(this.value);
    }
    if (this.count > 0 && atNs < (this.atNs[this.count - 1] as number)) this.isSorted = false;
    this.atNs[this.count] = atNs;
    this.value[this.count] = value;
    this.count++;
  }

  private sorted(): Samples {
    const atNs = this.atNs.subarray(0, this.count);
    const value = this.value.subarray(0, this.count);
    if (this.isSorted) return { atNs, value };
    const order = Array.from(atNs, (_at, i) => i).sort(
      (a, b) => (atNs[a] as number) - (atNs[b] as number) || a - b,
    );
    return {
      atNs: Float64Array.from(order, (i) => atNs[i] as number),
      value: Float64Array.from(order, (i) => value[i] as number),
    };
  }

  finish(kind: Uint8Array, value: Float64Array): void {
    const samples = this.sorted();
    const { rangeNs, stepNs } = this.times;
    const kernel = kernelOf(this.node);
    let from = 0;
    let to = 0;
    for (let step = 0; step < this.steps; step++) {
      const start = step * stepNs;
      const end = start + rangeNs;
      while (to < this.count && (samples.atNs[to] as number) <= end) to++;
      while (from < to && (samples.atNs[from] as number) <= start) from++;
      if (from === to) continue;
      kind[step] = FLOAT;
      value[step] = kernel({ ...samples, from, to, startNs: start, endNs: end });
    }
  }
}

const grown = (array: Float64Array): Float64Array<ArrayBuffer> => {
  const out = new Float64Array(array.length * 2);
  out.set(array);
  return out;
};

interface Window extends Samples {
  readonly from: number;
  readonly to: number;
  readonly startNs: number;
  readonly endNs: number;
}

function kernelOf({ op, param, rangeMs }: RangeAggregation): (window: Window) => number {
  switch (op) {
    case "first_over_time":
      return ({ value, from }) => value[from] as number;
    case "last_over_time":
      return ({ value, to }) => value[to - 1] as number;
    case "avg_over_time":
      return mean;
    case "min_over_time":
      return (window) => extreme(window, true);
    case "max_over_time":
      return (window) => extreme(window, false);
    case "stdvar_over_time":
      return variance;
    case "stddev_over_time":
      return (window) => Math.sqrt(variance(window));
    case "quantile_over_time":
      return ({ value, from, to }) => quantile(param ?? Number.NaN, value.slice(from, to));
    case "rate_counter":
      return (window) => counterRate(window, rangeMs / 1000);
    default:
      return sum;
  }
}

function sum({ value, from, to }: Window): number {
  let total = 0;
  for (let i = from; i < to; i++) total += value[i] as number;
  return total;
}

/** A finite value does not move an infinite mean. */
function mean({ value, from, to }: Window): number {
  let held = 0;
  for (let i = from; i < to; i++) {
    const v = value[i] as number;
    if (Math.abs(held) === Number.POSITIVE_INFINITY && (v === held || Number.isFinite(v))) continue;
    held += (v - held) / (i - from + 1);
  }
  return held;
}

/** NaN gives way to any number. */
function extreme({ value, from, to }: Window, isMin: boolean): number {
  let best = value[from] as number;
  for (let i = from + 1; i < to; i++) {
    const v = value[i] as number;
    if (Number.isNaN(best) || (isMin ? v < best : v > best)) best = v;
  }
  return best;
}

function variance({ value, from, to }: Window): number {
  let held = 0;
  let squares = 0;
  for (let i = from; i < to; i++) {
    const v = value[i] as number;
    const delta = v - held;
    held += delta / (i - from + 1);
    squares += delta * (v - held);
  }
  return squares / (to - from);
}

/** Beyond this many times the mean distance of samples, a window's edge is not reached by them. */
const REACH = 1.1;

/** The increase with resets added back, extrapolated towards the edges as Prometheus does; 0 for one sample. */
function counterRate({ atNs, value, from, to, startNs, endNs }: Window, seconds: number): number {
  if (to - from < 2) return 0;
  const first = value[from] as number;
  let increase = (value[to - 1] as number) - first;
  for (let i = from + 1; i < to; i++) {
    const before = value[i - 1] as number;
    if ((value[i] as number) < before) increase += before;
  }
  const sampled = ((atNs[to - 1] as number) - (atNs[from] as number)) / 1e9;
  const average = sampled / (to - from - 1);
  let toStart = ((atNs[from] as number) - startNs) / 1e9;
  let toEnd = (endNs - (atNs[to - 1] as number)) / 1e9;
  if (toStart >= average * REACH) toStart = average / 2;
  // A counter was not below zero.
  if (increase > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / increase));
  if (toEnd >= average * REACH) toEnd = average / 2;
  return (increase * ((sampled + toStart + toEnd) / sampled)) / seconds;
}
