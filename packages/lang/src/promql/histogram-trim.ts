/** The operators `</` and `>/`: a native histogram without the observations above or below a value. */
import { fractionBelow } from "./histogram-quantile.ts";
import {
  type Bucket,
  type Buckets,
  compact,
  type Histogram,
  isCustom,
  sideBuckets,
} from "./histogram.ts";

const isInf = (value: number): boolean => Math.abs(value) === Number.POSITIVE_INFINITY;
const zeroIfInf = (value: number): number => (isInf(value) ? 0 : value);

/** What remains of a bucket, and the value that stands for it. */
interface Rest {
  readonly count: number;
  readonly middle: number;
}

export function trim(h: Histogram, at: number, keepBelow: boolean): Histogram {
  let count = 0;
  let sum = 0;
  let changed = false;
  const has = { positive: false, negative: false };
  const side = (name: "positive" | "negative"): Buckets => {
    const kept = Float64Array.from(h[name].count);
    for (const [i, bucket] of sideBuckets(h, name).entries()) {
      if (bucket.count === 0) continue;
      has[name] = true;
      const rest = restOf(bucket, {
        at,
        keepBelow,
        positive: name === "positive",
        linear: isCustom(h),
      });
      count += rest.count;
      sum += rest.middle * rest.count;
      if (rest.count !== bucket.count || rest.count === 0) {
        kept[i] = rest.count;
        changed = true;
      }
    }
    return { index: h[name].index, count: kept };
  };
  const positive = side("positive");
  const negative = side("negative");
  let { zeroCount } = h;
  if (zeroCount > 0) {
    const rest = zeroRest(h, has, { at, keepBelow });
    changed ||= rest.count !== zeroCount;
    zeroCount = rest.count;
    sum += rest.middle * rest.count;
    count += rest.count;
  }
  return changed ? compact({ ...h, positive, negative, zeroCount, count, sum }) : h;
}

interface Cut {
  readonly at: number;
  readonly keepBelow: boolean;
  readonly positive: boolean;
  readonly linear: boolean;
}

function restOf(bucket: Bucket, cut: Cut): Rest {
  const { lower, upper, count } = bucket;
  const { at, keepBelow } = cut;
  if (keepBelow ? upper <= at : lower >= at) return { count, middle: middleOf(lower, upper, cut) };
  // Written so that nothing remains of what is compared with NaN.
  if (!(keepBelow ? lower < at : upper > at)) return { count: 0, middle: 0 };
  if (lower === Number.NEGATIVE_INFINITY || upper === Number.POSITIVE_INFINITY)
    return openRest(bucket, cut);
  const below = count * fractionBelow(bucket, at, cut.linear);
  return keepBelow
    ? { count: below, middle: middleOf(lower, at, cut) }
    : { count: count - below, middle: middleOf(at, upper, cut) };
}

/** Of a bucket without a lower or upper end. */
function openRest({ lower, upper, count }: Bucket, { at, keepBelow }: Cut): Rest {
  if (lower === Number.NEGATIVE_INFINITY) {
    if (keepBelow) {
      if (at >= upper) return { count, middle: 0 };
      if (at > 0 && upper > 0 && !isInf(upper))
        return { count: (count * at) / upper, middle: at / 2 };
      if (upper <= 0) return { count, middle: at };
      return { count: 0, middle: zeroIfInf(upper) };
    }
    if (at <= lower) return { count, middle: 0 };
    if (at >= 0 && upper > at && !isInf(upper))
      return { count: count * (1 - at / upper), middle: (at + upper) / 2 };
    return { count: 0, middle: zeroIfInf(upper) };
  }
  if (!keepBelow && at >= lower) return { count, middle: at };
  return { count: 0, middle: zeroIfInf(lower) };
}

function zeroRest(
  h: Histogram,
  has: { readonly positive: boolean; readonly negative: boolean },
  { at, keepBelow }: Pick<Cut, "at" | "keepBelow">,
): Rest {
  const lower = has.positive && !has.negative ? 0 : -h.zeroThreshold;
  const upper = has.negative && !has.positive ? 0 : h.zeroThreshold;
  const count = h.zeroCount;
  const all = { count, middle: (lower + upper) / 2 };
  const nothing = { count: 0, middle: 0 };
  if (at <= lower) return keepBelow ? nothing : all;
  if (at >= upper) return keepBelow ? all : nothing;
  const width = upper - lower;
  return keepBelow
    ? { count: count * ((at - lower) / width), middle: (lower + at) / 2 }
    : { count: count * ((upper - at) / width), middle: (at + upper) / 2 };
}

function middleOf(lower: number, upper: number, { positive, linear }: Cut): number {
  if (isInf(lower)) {
    if (isInf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (isInf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const geometric = Math.sqrt(Math.abs(lower * upper));
  return positive ? geometric : -geometric;
}
