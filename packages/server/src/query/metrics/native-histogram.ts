/** Native histograms: bounds of their buckets, what was observed between two samples, sums over series. */
import type { Range } from "./quantile.ts";
import type { HistogramSample } from "./source.ts";

export const CUSTOM_SCHEMA = -53;
const RESET_HINT_GAUGE = 3;

/** A stale marker: no observation, and a sum that is no number. */
export function isStaleHistogram(sample: HistogramSample): boolean {
  return sample.count === 0 && Number.isNaN(sample.sum);
}

/** Upper bound of the positive bucket `index`; the lower bound is that of the bucket before. */
export function upperBound(schema: number, index: number): number {
  return 2 ** (index * 2 ** -schema);
}

/** Observations by bucket, additive over samples and series of one schema. */
export interface Observations {
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  count: number;
  readonly positive: Map<number, number>;
  readonly negative: Map<number, number>;
  readonly customValues: readonly number[];
}

export function noObservations(like: HistogramSample): Observations {
  return {
    schema: like.schema,
    zeroThreshold: like.zeroThreshold,
    zeroCount: 0,
    count: 0,
    positive: new Map(),
    negative: new Map(),
    customValues: like.customValues,
  };
}

/** Adds what was observed between `before` (none at a series' beginning: nothing is known) and `sample`. */
export function addIncrease(
  into: Observations,
  before: HistogramSample | undefined,
  sample: HistogramSample,
): void {
  const isGauge = sample.resetHint === RESET_HINT_GAUGE;
  if (before === undefined && !isGauge) return;
  addSample(into, sample, 1);
  const wasReset =
    before === undefined ||
    before.schema !== sample.schema ||
    sample.count < before.count ||
    sample.zeroCount < before.zeroCount;
  if (!isGauge && !wasReset && before !== undefined) addSample(into, before, -1);
}

function addSample(into: Observations, sample: HistogramSample, sign: 1 | -1): void {
  if ((into.schema === CUSTOM_SCHEMA) !== (sample.schema === CUSTOM_SCHEMA)) return;
  if (into.schema !== CUSTOM_SCHEMA && sample.schema < into.schema) reduce(into, sample.schema);
  const shift = into.schema === CUSTOM_SCHEMA ? 0 : sample.schema - into.schema;
  into.zeroThreshold = Math.max(into.zeroThreshold, sample.zeroThreshold);
  into.zeroCount += sign * sample.zeroCount;
  into.count += sign * sample.count;
  addBuckets(into.positive, sample.positive, { shift, sign });
  addBuckets(into.negative, sample.negative, { shift, sign });
}

/** Merges neighbours: one schema lower has half as many buckets. */
function reduce(into: Observations, schema: number): void {
  for (const side of [into.positive, into.negative]) {
    const old = [...side];
    side.clear();
    addBuckets(side, old, { shift: into.schema - schema, sign: 1 });
  }
  into.schema = schema;
}

function addBuckets(
  into: Map<number, number>,
  buckets: readonly (readonly [index: number, count: number])[],
  { shift, sign }: { shift: number; sign: 1 | -1 },
): void {
  const width = 2 ** shift;
  for (const [index, count] of buckets) {
    const at = Math.ceil(index / width);
    into.set(at, (into.get(at) ?? 0) + sign * count);
  }
}

/** The buckets with their bounds, ascending, empty ones left out. */
export function rangesOf(found: Observations): Range[] {
  const { schema } = found;
  const positive = [...found.positive].sort(([a], [b]) => a - b).filter(([, count]) => count > 0);
  if (schema === CUSTOM_SCHEMA) {
    const bound = (i: number): number =>
      i < 0 ? Number.NEGATIVE_INFINITY : (found.customValues[i] ?? Number.POSITIVE_INFINITY);
    return positive.map(([index, count]) => {
      const lower = bound(index - 1);
      const upper = bound(index);
      const start = lower === Number.NEGATIVE_INFINITY && upper > 0 ? 0 : lower;
      return { lower: start, upper, count, exponential: false };
    });
  }
  const negative = [...found.negative].sort(([a], [b]) => b - a).filter(([, count]) => count > 0);
  const out: Range[] = negative.map(([index, count]) => ({
    lower: -upperBound(schema, index),
    upper: -upperBound(schema, index - 1),
    count,
    exponential: true,
  }));
  if (found.zeroCount > 0) {
    const lower = negative.length > 0 ? -found.zeroThreshold : 0;
    const upper = positive.length > 0 || negative.length === 0 ? found.zeroThreshold : 0;
    out.push({ lower, upper, count: found.zeroCount, exponential: false });
  }
  for (const [index, count] of positive)
    out.push({
      lower: upperBound(schema, index - 1),
      upper: upperBound(schema, index),
      count,
      exponential: true,
    });
  return out;
}
