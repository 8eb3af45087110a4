/** Exponential histograms of OTLP as native histograms of Prometheus. */
import {
  type HistogramSamples,
  type RaggedF64,
  type SpanRuns,
  STALE_NAN_WORDS,
} from "@triptych/model";
import type { MetricPoint, PointBuckets } from "./metric-point.ts";

const SCHEMA_MAX = 8;
/** Prometheus' default width of the zero bucket, where the sender gives none. */
const ZERO_THRESHOLD = 1e-128;
/** A gap of up to this many empty buckets costs less as zeros than as a new span. */
const ZEROS_MAX = 2;
const RESET_HINT_GAUGE = 3;

/** Adds one row of histogram; the point's scale is at least -4. */
export function addNativeHistogram(
  histograms: HistogramSamples,
  series: number,
  point: MetricPoint,
  options: { isDelta: boolean },
): void {
  const row = histograms.addRow(series, point.timeMs, point.startMs);
  const scaleDown = Math.max(0, point.scale - SCHEMA_MAX);
  histograms.schema[row] = point.scale - scaleDown;
  if (options.isDelta) histograms.resetHint[row] = RESET_HINT_GAUGE;
  histograms.zeroThreshold[row] = point.zeroThreshold > 0 ? point.zeroThreshold : ZERO_THRESHOLD;
  if (point.isStale) {
    const words = new Uint32Array(histograms.sum.buffer, histograms.sum.byteOffset + row * 8, 2);
    words[0] = STALE_NAN_WORDS.low;
    words[1] = STALE_NAN_WORDS.high;
  } else {
    histograms.zeroCount[row] = point.zeroCount;
    histograms.count[row] = point.count;
    histograms.sum[row] = point.hasSum ? point.sum : 0;
    addBuckets(point.positive, scaleDown, {
      spans: histograms.positiveSpans,
      counts: histograms.positiveCounts,
    });
    addBuckets(point.negative, scaleDown, {
      spans: histograms.negativeSpans,
      counts: histograms.negativeCounts,
    });
  }
  histograms.endRow();
}

/**
 * Writes dense buckets as runs. OTLP's bucket 0 starts at 1, Prometheus' ends there, hence the 1 in indices;
 * with `scaleDown` 2^scaleDown neighbours are one.
 */
function addBuckets(
  buckets: PointBuckets,
  scaleDown: number,
  to: { spans: SpanRuns; counts: RaggedF64 },
): void {
  const { values, length } = buckets.counts;
  const width = 2 ** Math.min(scaleDown, 31);
  const indexOf = (i: number): number => Math.floor((buckets.offset + i) / width) + 1;
  let open = 0;
  let gap = 0;
  let next = 0;
  let isFirst = true;
  for (let i = 0; i < length; ) {
    const index = indexOf(i);
    let count = 0;
    for (; i < length && indexOf(i) === index; i++) count += values[i] as number;
    if (count === 0) continue;
    const empty = index - next;
    if (isFirst || empty > ZEROS_MAX) {
      if (open > 0) to.spans.push(gap, open);
      gap = empty;
      open = 0;
      isFirst = false;
    } else {
      for (let j = 0; j < empty; j++) to.counts.push(0);
      open += empty;
    }
    to.counts.push(count);
    open++;
    next = index + 1;
  }
  if (open > 0) to.spans.push(gap, open);
}
