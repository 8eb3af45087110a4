/**
 * Native histograms: exponential and custom buckets, and the arithmetic on them. Histograms are never changed; each
 * operation gives a new one. Buckets of one side are two arrays, ascending by index.
 */
import { exponentialBound } from "./exponential-bounds.ts";
import { formatG } from "./go-format.ts";
import { kahanAdd as addTo } from "./kahan.ts";

export const CUSTOM_SCHEMA = -53;

/** What is known of a counter's resets. */
export type ResetHint = "unknown" | "reset" | "not_reset" | "gauge";

export interface Buckets {
  readonly index: Int32Array;
  readonly count: Float64Array;
}

export interface Histogram {
  readonly hint: ResetHint;
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly positive: Buckets;
  readonly negative: Buckets;
  /** Upper bounds of custom buckets; empty for exponential ones. */
  readonly customValues: readonly number[];
}

export const noBuckets: Buckets = { index: new Int32Array(0), count: new Float64Array(0) };

export const emptyHistogram: Histogram = {
  hint: "unknown",
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positive: noBuckets,
  negative: noBuckets,
  customValues: [],
};

export const isCustom = (h: Histogram): boolean => h.schema === CUSTOM_SCHEMA;

/** The upper bound of the positive bucket `index`; that of `index - 1` is its lower bound. */
export function bucketBound(h: Histogram, index: number): number {
  if (!isCustom(h)) return exponentialBound(index, h.schema);
  if (index < 0) return Number.NEGATIVE_INFINITY;
  return h.customValues[index] ?? Number.POSITIVE_INFINITY;
}

export interface Bucket {
  lower: number;
  upper: number;
  count: number;
}

/** The buckets of one side with their bounds, in order of their index: negative ones go downwards. */
export function sideBuckets(h: Histogram, side: "positive" | "negative"): Bucket[] {
  const { index, count } = h[side];
  const out: Bucket[] = [];
  for (let i = 0; i < index.length; i++) {
    const upper = bucketBound(h, index[i] as number);
    const lower = bucketBound(h, (index[i] as number) - 1);
    const observations = count[i] as number;
    if (side === "positive") out.push({ lower, upper, count: observations });
    else out.push({ lower: -upper, upper: -lower, count: observations });
  }
  return out;
}

/** All buckets ascending; what the zero bucket covers is cut from its neighbours. */
export function allBuckets(h: Histogram): Bucket[] {
  const out: Bucket[] = sideBuckets(h, "negative").reverse();
  const zero = h.zeroThreshold;
  for (const bucket of out) if (bucket.upper < 0 && bucket.upper > -zero) bucket.upper = -zero;
  if (h.zeroCount > 0) out.push({ lower: -zero, upper: zero, count: h.zeroCount });
  for (const bucket of sideBuckets(h, "positive")) {
    if (bucket.lower > 0 && bucket.lower < zero) bucket.lower = zero;
    out.push(bucket);
  }
  return out;
}

/** Without the buckets that hold nothing. */
export function compact(h: Histogram): Histogram {
  return { ...h, positive: compactBuckets(h.positive), negative: compactBuckets(h.negative) };
}

function compactBuckets(buckets: Buckets): Buckets {
  if (!buckets.count.includes(0)) return buckets;
  const keep: number[] = [];
  for (let i = 0; i < buckets.count.length; i++) if (buckets.count[i] !== 0) keep.push(i);
  return {
    index: Int32Array.from(keep, (i) => buckets.index[i] as number),
    count: Float64Array.from(keep, (i) => buckets.count[i] as number),
  };
}

function mapCounts(h: Histogram, change: (count: number) => number): Histogram {
  const side = ({ index, count }: Buckets): Buckets => ({ index, count: count.map(change) });
  return {
    ...h,
    zeroCount: change(h.zeroCount),
    count: change(h.count),
    sum: change(h.sum),
    positive: side(h.positive),
    negative: side(h.negative),
  };
}

export function multiply(h: Histogram, factor: number): Histogram {
  const out = mapCounts(h, (count) => count * factor);
  return factor < 0 ? { ...out, hint: "gauge" } : out;
}

export function divide(h: Histogram, divisor: number): Histogram {
  const out = mapCounts(h, (count) => count / divisor);
  if (divisor === 0) return { ...out, positive: noBuckets, negative: noBuckets };
  return divisor < 0 ? { ...out, hint: "gauge" } : out;
}

/** The index of a bucket in a coarser schema. */
const coarser = (index: number, from: number, to: number): number =>
  ((index - 1) >> (from - to)) + 1;

/** What rounding lost, bucket by bucket, beside a histogram of the same layout. */
export interface Compensation {
  zeroCount: number;
  count: number;
  sum: number;
  positive: Float64Array;
  negative: Float64Array;
}

interface Compensated {
  readonly index: Int32Array;
  readonly count: Float64Array;
  readonly lost: Float64Array;
}

function compensated(buckets: Buckets, lost: Float64Array | undefined): Compensated {
  return { ...buckets, lost: lost ?? new Float64Array(buckets.count.length) };
}

const cell = { sum: 0, compensation: 0 };

/** Merges buckets whose new indexes are equal; `target` must not descend. */
function regroup(buckets: Compensated, target: (index: number) => number): Compensated {
  const index: number[] = [];
  const count: number[] = [];
  const lost: number[] = [];
  for (let i = 0; i < buckets.index.length; i++) {
    const at = target(buckets.index[i] as number);
    const last = index.length - 1;
    if (last >= 0 && index[last] === at) {
      cell.sum = count[last] as number;
      cell.compensation = lost[last] as number;
      addTo(cell, buckets.count[i] as number);
      addTo(cell, buckets.lost[i] as number);
      count[last] = cell.sum;
      lost[last] = cell.compensation;
    } else {
      index.push(at);
      count.push(buckets.count[i] as number);
      lost.push(buckets.lost[i] as number);
    }
  }
  return {
    index: Int32Array.from(index),
    count: Float64Array.from(count),
    lost: Float64Array.from(lost),
  };
}

/** Adds (or subtracts) `b` to `a`, whose indexes mean the same; buckets that `skip` names are left out of `b`. */
function merge(a: Compensated, b: Compensated, how: Merging): Compensated {
  const { sign, skip } = how;
  const length = a.index.length + b.index.length;
  const index = new Int32Array(length);
  const count = new Float64Array(length);
  const lost = new Float64Array(length);
  let n = 0;
  let j = 0;
  while (j < b.index.length && skip(b.index[j] as number)) j++;
  for (let i = 0; i < a.index.length || j < b.index.length; n++) {
    const left = i < a.index.length ? (a.index[i] as number) : Number.POSITIVE_INFINITY;
    const right = j < b.index.length ? (b.index[j] as number) : Number.POSITIVE_INFINITY;
    index[n] = Math.min(left, right);
    cell.sum = left <= right ? (a.count[i] as number) : 0;
    cell.compensation = left <= right ? (a.lost[i] as number) : 0;
    if (left <= right) i++;
    if (right <= left) {
      const added = sign * (b.count[j] as number);
      if (how.exact && left === right) addTo(cell, added);
      else cell.sum += added;
      const addedLost = sign * (b.lost[j] as number);
      if (addedLost !== 0) addTo(cell, addedLost);
      j++;
    }
    count[n] = cell.sum;
    lost[n] = cell.compensation;
  }
  return { index: index.slice(0, n), count: count.slice(0, n), lost: lost.slice(0, n) };
}

interface Merging {
  readonly sign: 1 | -1;
  /** Keep what rounding loses. */
  readonly exact: boolean;
  readonly skip: (index: number) => boolean;
}

/** The zero bucket widened to `threshold`, or to the end of a bucket that `threshold` cuts. */
function widerZero(
  h: Histogram,
  wanted: number,
  c: Compensation | undefined,
): { count: number; threshold: number; lost: number } {
  let threshold = wanted;
  if (threshold === h.zeroThreshold)
    return { count: h.zeroCount, threshold, lost: c?.zeroCount ?? 0 };
  for (;;) {
    const sum = { sum: h.zeroCount, compensation: c?.zeroCount ?? 0 };
    let again = false;
    for (const side of ["positive", "negative"] as const) {
      const { index, count } = h[side];
      for (let i = 0; i < index.length; i++) {
        if (exponentialBound((index[i] as number) - 1, h.schema) >= threshold) break;
        addTo(sum, count[i] as number);
        if (c !== undefined) addTo(sum, c[side][i] as number);
        const upper = exponentialBound(index[i] as number, h.schema);
        if (upper > threshold) {
          if (count[i] !== 0) {
            threshold = upper;
            // What was taken from the positive side no longer holds.
            again = side === "negative";
          }
          break;
        }
      }
    }
    if (!again) return { count: sum.sum, threshold, lost: sum.compensation };
  }
}

/** Without the buckets that lie in the zero bucket. */
function trimZero(
  h: Histogram,
  c: Compensation | undefined,
): [Histogram, Compensation | undefined] {
  const kept = (side: "positive" | "negative"): number[] => {
    const { index, count } = h[side];
    const out: number[] = [];
    for (let i = 0; i < index.length; i++) {
      const outside = exponentialBound((index[i] as number) - 1, h.schema) >= h.zeroThreshold;
      const holds = count[i] !== 0 || (c !== undefined && c[side][i] !== 0);
      if (outside && holds) out.push(i);
    }
    return out;
  };
  const pick = (side: "positive" | "negative", keep: readonly number[]): Buckets => ({
    index: Int32Array.from(keep, (i) => h[side].index[i] as number),
    count: Float64Array.from(keep, (i) => h[side].count[i] as number),
  });
  const positive = kept("positive");
  const negative = kept("negative");
  const trimmed = {
    ...h,
    positive: pick("positive", positive),
    negative: pick("negative", negative),
  };
  if (c === undefined) return [trimmed, c];
  const lost = (side: "positive" | "negative", keep: readonly number[]): Float64Array =>
    Float64Array.from(keep, (i) => c[side][i] as number);
  return [
    trimmed,
    { ...c, positive: lost("positive", positive), negative: lost("negative", negative) },
  ];
}

const HINTS_OF_COUNTERS = new Set<ResetHint>(["reset", "not_reset"]);

function joinHints(a: ResetHint, b: ResetHint): { hint: ResetHint; collision: boolean } {
  if (a === b) return { hint: a, collision: false };
  if (a === "gauge" || b === "gauge") return { hint: "gauge", collision: false };
  const collision = HINTS_OF_COUNTERS.has(a) && HINTS_OF_COUNTERS.has(b);
  return { hint: "unknown", collision };
}

export function sameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i]);
}

export interface Combined {
  readonly histogram: Histogram;
  readonly compensation: Compensation;
  /** A counter that was reset met one that was not. */
  readonly collision: boolean;
  /** The bounds of custom buckets differed: only those that both have remain. */
  readonly reconciled: boolean;
}

interface How {
  readonly sign: 1 | -1;
  readonly exact: boolean;
  readonly compensation?: Compensation | undefined;
}

/** Sum or difference; `undefined` when one has exponential and the other custom buckets. */
function combine(first: Histogram, other: Histogram, how: How): Combined | undefined {
  if (isCustom(first) !== isCustom(other)) return undefined;
  const { hint, collision } = joinHints(first.hint, other.hint);
  const totals = (h: Histogram, c: Compensation): void => {
    for (const [field, added] of [
      ["count", other.count],
      ["sum", other.sum],
    ] as const) {
      cell.sum = h[field];
      cell.compensation = c[field];
      if (how.exact) addTo(cell, how.sign * added);
      else cell.sum += how.sign * added;
      (h as { count: number; sum: number })[field] = cell.sum;
      c[field] = cell.compensation;
    }
  };
  const joined = isCustom(first)
    ? combineCustom(first, other, how)
    : { ...combineExponential(first, other, how), reconciled: false };
  const histogram = { ...joined.histogram, hint };
  totals(histogram, joined.compensation);
  return { histogram, compensation: joined.compensation, collision, reconciled: joined.reconciled };
}

function combineExponential(
  first: Histogram,
  other: Histogram,
  how: How,
): Pick<Combined, "histogram" | "compensation"> {
  let h = first;
  let c = how.compensation;
  let otherZero = { count: other.zeroCount, threshold: other.zeroThreshold, lost: 0 };
  while (otherZero.threshold !== h.zeroThreshold) {
    if (h.zeroThreshold > otherZero.threshold)
      otherZero = widerZero(other, h.zeroThreshold, undefined);
    if (otherZero.threshold > h.zeroThreshold) {
      const zero = widerZero(h, otherZero.threshold, c);
      if (c !== undefined) c = { ...c, zeroCount: zero.lost };
      [h, c] = trimZero({ ...h, zeroCount: zero.count, zeroThreshold: zero.threshold }, c);
    }
  }
  const schema = Math.min(h.schema, other.schema);
  const side = (name: "positive" | "negative"): Compensated => {
    let a = compensated(h[name], c?.[name]);
    if (h.schema > schema) a = regroup(a, (index) => coarser(index, h.schema, schema));
    let b = compensated(other[name], undefined);
    if (other.schema > schema) b = regroup(b, (index) => coarser(index, other.schema, schema));
    const skip = (index: number): boolean => exponentialBound(index, schema) <= h.zeroThreshold;
    return merge(a, b, { ...how, skip });
  };
  const zero = { sum: h.zeroCount, compensation: c?.zeroCount ?? 0 };
  if (how.exact) {
    addTo(zero, how.sign * otherZero.count);
    addTo(zero, how.sign * otherZero.lost);
  } else {
    zero.sum += how.sign * otherZero.count;
  }
  const positive = side("positive");
  const negative = side("negative");
  return {
    histogram: { ...h, schema, zeroCount: zero.sum, positive, negative },
    compensation: {
      zeroCount: zero.compensation,
      count: c?.count ?? 0,
      sum: c?.sum ?? 0,
      positive: positive.lost,
      negative: negative.lost,
    },
  };
}

function combineCustom(
  first: Histogram,
  other: Histogram,
  how: How,
): Pick<Combined, "histogram" | "compensation" | "reconciled"> {
  const c = how.compensation;
  const reconciled = !sameBounds(first.customValues, other.customValues);
  let a = compensated(first.positive, c?.positive);
  let b = compensated(other.positive, undefined);
  let bounds = first.customValues;
  const never = (): boolean => false;
  if (reconciled) {
    const shared = new Set(other.customValues);
    bounds = first.customValues.filter((bound) => shared.has(bound));
    const onto = (own: readonly number[]) => (index: number) => {
      const upper = own[index];
      const at = upper === undefined ? -1 : bounds.findIndex((bound) => bound >= upper);
      return at < 0 ? bounds.length : at;
    };
    a = regroup(a, onto(first.customValues));
    b = regroup(b, onto(other.customValues));
  }
  let positive = merge(a, b, { ...how, skip: never });
  if (reconciled) positive = withoutEmpty(positive);
  return {
    histogram: { ...first, positive, negative: noBuckets, customValues: bounds },
    compensation: {
      zeroCount: 0,
      count: c?.count ?? 0,
      sum: c?.sum ?? 0,
      positive: positive.lost,
      negative: new Float64Array(0),
    },
    reconciled,
  };
}

function withoutEmpty(buckets: Compensated): Compensated {
  const keep: number[] = [];
  for (let i = 0; i < buckets.index.length; i++)
    if (buckets.count[i] !== 0 || buckets.lost[i] !== 0) keep.push(i);
  return {
    index: Int32Array.from(keep, (i) => buckets.index[i] as number),
    count: Float64Array.from(keep, (i) => buckets.count[i] as number),
    lost: Float64Array.from(keep, (i) => buckets.lost[i] as number),
  };
}

export function add(a: Histogram, b: Histogram): Combined | undefined {
  return combine(a, b, { sign: 1, exact: false });
}

export function subtract(a: Histogram, b: Histogram): Combined | undefined {
  return combine(a, b, { sign: -1, exact: false });
}

/** Adds `b`, and to `compensation` what rounding loses. */
export function addExactly(
  a: Histogram,
  b: Histogram,
  compensation: Compensation | undefined,
): Combined | undefined {
  return combine(a, b, { sign: 1, exact: true, compensation });
}

/** `h` with what rounding lost put back. */
export function compensate(h: Histogram, c: Compensation): Histogram {
  const side = (name: "positive" | "negative"): Buckets => ({
    index: h[name].index,
    count: h[name].count.map((count, i) => count + (c[name][i] as number)),
  });
  return {
    ...h,
    zeroCount: h.zeroCount + c.zeroCount,
    count: h.count + c.count,
    sum: h.sum + c.sum,
    positive: side("positive"),
    negative: side("negative"),
  };
}

export function scaleCompensation(c: Compensation, factor: number): Compensation {
  return {
    zeroCount: c.zeroCount * factor,
    count: c.count * factor,
    sum: c.sum * factor,
    positive: c.positive.map((lost) => lost * factor),
    negative: c.negative.map((lost) => lost * factor),
  };
}

export function hasOverflow(h: Histogram): boolean {
  const isOver = (value: number): boolean => Math.abs(value) === Number.POSITIVE_INFINITY;
  return (
    [h.zeroCount, h.count, h.sum, ...h.customValues].some(isOver) ||
    h.positive.count.some(isOver) ||
    h.negative.count.some(isOver)
  );
}

/** In a coarser exponential schema. */
export function reduceTo(h: Histogram, schema: number): Histogram {
  if (schema === h.schema || isCustom(h)) return h;
  const side = (buckets: Buckets): Buckets =>
    regroup(compensated(buckets, undefined), (index) => coarser(index, h.schema, schema));
  return {
    ...h,
    schema,
    hint: "unknown",
    positive: side(h.positive),
    negative: side(h.negative),
  };
}

function sameBuckets(a: Buckets, b: Buckets): boolean {
  return (
    a.index.length === b.index.length &&
    a.index.every((index, i) => index === b.index[i]) &&
    a.count.every((count, i) => Object.is(count, b.count[i]))
  );
}

export function equals(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    sameBounds(a.customValues, b.customValues) &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    sameBuckets(a.negative, b.negative) &&
    sameBuckets(a.positive, b.positive)
  );
}

/** Whether the counter began anew between `previous` and `h`. */
export function wasReset(h: Histogram, previous: Histogram): boolean {
  if (h.hint === "reset") return true;
  if (h.hint === "not_reset") return false;
  if (h.count < previous.count) return true;
  if (isCustom(h)) {
    if (!isCustom(previous)) return true;
    if (!sameBounds(h.customValues, previous.customValues))
      return decreasedOnSharedBounds(h, previous);
  } else if (isCustom(previous)) {
    return true;
  }
  if (h.schema > previous.schema || h.zeroThreshold < previous.zeroThreshold) return true;
  let wider = previous;
  if (!isCustom(h)) {
    const zero = widerZero(previous, h.zeroThreshold, undefined);
    if (zero.threshold !== h.zeroThreshold || h.zeroCount < zero.count) return true;
    wider = reduceTo(previous, h.schema);
  }
  return decreased(h, wider, "positive") || decreased(h, wider, "negative");
}

function decreased(h: Histogram, previous: Histogram, side: "positive" | "negative"): boolean {
  const { index, count } = previous[side];
  const now = h[side];
  let j = 0;
  for (let i = 0; i < index.length; i++) {
    const at = index[i] as number;
    const inZero =
      !isCustom(h) && h.zeroThreshold > 0 && exponentialBound(at, h.schema) <= h.zeroThreshold;
    if (inZero) continue;
    while (j < now.index.length && (now.index[j] as number) < at) j++;
    const current = j < now.index.length && now.index[j] === at ? (now.count[j] as number) : 0;
    if (current < (count[i] as number)) return true;
  }
  return false;
}

function decreasedOnSharedBounds(h: Histogram, previous: Histogram): boolean {
  const shared = new Set(previous.customValues);
  const bounds = [...h.customValues.filter((bound) => shared.has(bound)), Number.POSITIVE_INFINITY];
  const rolled = (of: Histogram): number[] => {
    const sums = bounds.map(() => 0);
    for (const { upper, count } of sideBuckets(of, "positive")) {
      const at = bounds.findIndex((bound) => upper <= bound);
      sums[at] = (sums[at] as number) + count;
    }
    return sums;
  };
  const before = rolled(previous);
  return rolled(h).some((sum, i) => sum < (before[i] as number));
}

/** As Prometheus prints it. */
export function printHistogram(h: Histogram): string {
  const parts = [`{count:${formatG(h.count)}, sum:${formatG(h.sum)}`];
  const push = ({ lower, upper, count }: Bucket, marks: readonly [string, string]): void => {
    if (count === 0) return;
    parts.push(`${marks[0]}${formatG(lower)},${formatG(upper)}${marks[1]}:${formatG(count)}`);
  };
  for (const bucket of sideBuckets(h, "negative").reverse()) push(bucket, ["[", ")"]);
  const zero = h.zeroThreshold;
  if (!isCustom(h)) push({ lower: -zero, upper: zero, count: h.zeroCount }, ["[", "]"]);
  const custom = isCustom(h);
  for (const [i, bucket] of sideBuckets(h, "positive").entries())
    push(bucket, [custom && h.positive.index[i] === 0 ? "[" : "(", "]"]);
  return `${parts.join(", ")}}`;
}
