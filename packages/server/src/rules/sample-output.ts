/** Samples of rules as batches of columns. */
import type { Histogram } from "@triptych/lang";
import { SampleBatch, Temporality } from "@triptych/model";
import type { RuleSample } from "./sample.ts";

/** A batch is encoded in one piece; this many rows take some milliseconds. */
const BATCH_ROWS_MAX = 20_000;

export function* batchesOf(samples: readonly RuleSample[]): Generator<SampleBatch> {
  for (let from = 0; from < samples.length; from += BATCH_ROWS_MAX)
    yield batchOf(samples.slice(from, from + BATCH_ROWS_MAX));
}

function batchOf(samples: readonly RuleSample[]): SampleBatch {
  const batch = new SampleBatch(Math.max(1, samples.length));
  for (const { labels, timeMs, value } of samples) {
    for (const [name, text] of labels.pairs) batch.series.addLabelText(name, text);
    const series = batch.series.end(Temporality.gauge);
    if (value === "stale") batch.samples.addStale(series, timeMs, 0);
    else if (typeof value === "number") batch.samples.add(series, timeMs, 0, value);
    else addHistogram(batch, { series, timeMs }, value);
  }
  return batch;
}

const HINTS = { unknown: 0, reset: 1, not_reset: 2, gauge: 3 } as const;

function addHistogram(
  { histograms }: SampleBatch,
  at: { readonly series: number; readonly timeMs: number },
  histogram: Histogram,
): void {
  const row = histograms.addRow(at.series, at.timeMs, 0);
  histograms.schema[row] = histogram.schema;
  histograms.resetHint[row] = HINTS[histogram.hint];
  histograms.zeroThreshold[row] = histogram.zeroThreshold;
  histograms.zeroCount[row] = histogram.zeroCount;
  histograms.count[row] = histogram.count;
  histograms.sum[row] = histogram.sum;
  for (const [side, spans, counts] of [
    [histogram.positive, histograms.positiveSpans, histograms.positiveCounts],
    [histogram.negative, histograms.negativeSpans, histograms.negativeCounts],
  ] as const) {
    let next = 0;
    for (let i = 0; i < side.index.length; ) {
      const first = side.index[i] as number;
      let length = 1;
      while (side.index[i + length] === first + length) length++;
      spans.push(first - next, length);
      for (let k = 0; k < length; k++) counts.push(side.count[i + k] as number);
      next = first + length;
      i += length;
    }
  }
  for (const bound of histogram.customValues) histograms.customValues.push(bound);
  histograms.endRow();
}
