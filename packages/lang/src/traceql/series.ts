/** Series of metrics queries: how spans are counted into intervals, and what each function makes of the counts. */
import type { Attribute, OverTime } from "./ast.ts";
import { printAttribute } from "./printer.ts";
import { log2Quantile } from "./quantile.ts";
import { floatStatic, keyOf, NIL, type Static, stringStatic } from "./static.ts";

export interface Label {
  readonly name: string;
  readonly value: Static;
}
export interface TraceExemplar {
  readonly labels: readonly Label[];
  readonly value: number;
  readonly timeMs: number;
}
export interface TraceSeries {
  readonly labels: readonly Label[];
  /** One for each interval; NaN where there is nothing. */
  readonly values: Float64Array;
  readonly exemplars: TraceExemplar[];
}

/** Intervals are open on the left: `(startNs, startNs + stepNs]` is the first. An instant query has one, closed. */
export interface Intervals {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly stepNs: bigint;
  readonly count: number;
  readonly instant: boolean;
}

export function intervalTimeMs(
  { startNs, endNs, stepNs, instant }: Intervals,
  index: number,
): number {
  return Number((instant ? endNs : startNs + BigInt(index + 1) * stepNs) / 1_000_000n);
}

/** Index of the interval of a time, or -1. */
export function intervalOf({ startNs, endNs, stepNs, instant }: Intervals, timeNs: bigint): number {
  if (instant) return timeNs >= startNs && timeNs <= endNs ? 0 : -1;
  if (timeNs <= startNs || timeNs > endNs) return -1;
  return Number((timeNs - startNs - 1n) / stepNs);
}

/** What is known of some spans of one interval. Values are seconds where they are durations. */
export interface Cell {
  readonly interval: number;
  readonly count: number;
  /** Spans that have a value, and their sum, least and largest. */
  readonly values: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Upper bound of the bucket, for histograms and quantiles. */
  readonly bucket: number;
}

interface Counted {
  readonly labels: readonly Label[];
  readonly cells: (Sums | undefined)[];
  readonly buckets: Map<number, Float64Array>;
}
interface Sums {
  count: number;
  values: number;
  sum: number;
  min: number;
  max: number;
}

export interface SeriesBuilder {
  /** How many series there are. */
  readonly size: number;
  /** `groups` are the values of the attributes in `by`, in that order. */
  add(groups: readonly Static[], cell: Cell): void;
  finish(): TraceSeries[];
}

export function seriesBuilder(aggregate: OverTime, intervals: Intervals): SeriesBuilder {
  const found = new Map<string, Counted>();
  const histogram = usesBuckets(aggregate);
  return {
    get size() {
      return found.size;
    },
    add(groups, cell) {
      const key = groups.map(keyOf).join("\u0000");
      let series = found.get(key);
      if (series === undefined) {
        series = {
          labels: labelsOf(aggregate.by, groups, histogram),
          cells: [],
          buckets: new Map(),
        };
        found.set(key, series);
      }
      if (histogram) countBucket(series, cell, intervals.count);
      else addSums(series, cell);
    },
    finish() {
      if (found.size === 0 && countsAll(aggregate))
        found.set("", { labels: [], cells: [], buckets: new Map() });
      return [...found.values()].flatMap((series) => finished(aggregate, series, intervals));
    },
  };
}

/** Where nothing is grouped, no spans are a series of zeros. */
const countsAll = ({ op, by }: OverTime): boolean =>
  by.length === 0 && (op === "rate" || op === "count_over_time");

export const usesBuckets = ({ op }: OverTime): boolean =>
  op === "quantile_over_time" || op === "histogram_over_time";

/** Labels without a value are left out; when none has one and no other label follows, the first says so. */
function labelsOf(by: readonly Attribute[], groups: readonly Static[], followed: boolean): Label[] {
  const labels = by.map((attribute, i) => ({
    name: printAttribute(attribute),
    value: groups[i] ?? NIL,
  }));
  const known = labels.filter(({ value }) => value.type !== "nil");
  return known.length > 0 || followed ? known : labels.slice(0, 1);
}

function addSums({ cells }: Counted, cell: Cell): void {
  const sums = cells[cell.interval];
  if (sums === undefined) {
    const { count, values, sum, min, max } = cell;
    cells[cell.interval] = { count, values, sum, min, max };
    return;
  }
  sums.count += cell.count;
  if (cell.values === 0) return;
  sums.min = sums.values === 0 ? cell.min : Math.min(sums.min, cell.min);
  sums.max = sums.values === 0 ? cell.max : Math.max(sums.max, cell.max);
  sums.sum = sums.values === 0 ? cell.sum : sums.sum + cell.sum;
  sums.values += cell.values;
}

function countBucket({ buckets }: Counted, cell: Cell, intervals: number): void {
  if (!(cell.bucket > 0)) return;
  let counts = buckets.get(cell.bucket);
  if (counts === undefined) {
    counts = new Float64Array(intervals);
    buckets.set(cell.bucket, counts);
  }
  counts[cell.interval] = (counts[cell.interval] as number) + cell.count;
}

function finished(aggregate: OverTime, series: Counted, intervals: Intervals): TraceSeries[] {
  const make = (labels: readonly Label[], value: (interval: number) => number): TraceSeries => ({
    labels,
    values: Float64Array.from({ length: intervals.count }, (_, i) => value(i)),
    exemplars: [],
  });
  const named =
    series.labels.length > 0
      ? series.labels
      : [{ name: "__name__", value: stringStatic(aggregate.op) }];
  switch (aggregate.op) {
    case "histogram_over_time":
      return [...series.buckets].map(([bound, counts]) =>
        make(
          [...series.labels, { name: "__bucket", value: floatStatic(bound) }],
          (i) => counts[i] as number,
        ),
      );
    case "quantile_over_time": {
      const bounds = [...series.buckets].sort(([a], [b]) => a - b);
      if (bounds.length === 0) return [];
      return aggregate.quantiles.map((q) =>
        make([...series.labels, { name: "p", value: floatStatic(q) }], (i) =>
          log2Quantile(
            q,
            bounds.map(([max, counts]) => ({ max, count: counts[i] as number })),
          ),
        ),
      );
    }
    default:
      return [make(named, (i) => sampleOf(aggregate, series.cells[i], intervals))];
  }
}

/** Counts are zero where nothing was; other functions have no value there. */
function sampleOf({ op }: OverTime, sums: Sums | undefined, intervals: Intervals): number {
  switch (op) {
    case "rate":
      return (sums?.count ?? 0) / (Number(intervals.stepNs) / 1e9);
    case "count_over_time":
      return sums?.count ?? 0;
    default:
      if (sums === undefined || sums.values === 0) return Number.NaN;
      if (op === "min_over_time") return sums.min;
      if (op === "max_over_time") return sums.max;
      return op === "sum_over_time" ? sums.sum : sums.sum / sums.values;
  }
}

/** The next power of two, of whole numbers from 2 on; -1 for smaller ones. */
export function log2Bucket(value: number): number {
  const whole = Math.floor(value);
  if (!(whole >= 2)) return -1;
  const exponent = Math.ceil(Math.log2(whole));
  // The logarithm can miss by one beside a power of two.
  if (2 ** (exponent - 1) >= whole) return 2 ** (exponent - 1);
  return 2 ** exponent >= whole ? 2 ** exponent : 2 ** (exponent + 1);
}
