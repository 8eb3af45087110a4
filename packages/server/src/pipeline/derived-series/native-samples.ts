/** Native histograms as rows of a batch. */
import type { SampleBatch } from "@triptych/model";
import { type NativeBuckets, ZERO_THRESHOLD } from "./native-buckets.ts";

/** What stands before the first sample of a series. */
export function addEmptyNative(batch: SampleBatch, row: number, createdMs: number): void {
  const at = batch.histograms.addRow(row, createdMs, createdMs);
  batch.histograms.zeroThreshold[at] = ZERO_THRESHOLD;
  batch.histograms.endRow();
}

/** A histogram, or the marker that its series ended. */
export function addNative(
  { histograms }: SampleBatch,
  at: { readonly row: number; readonly nowMs: number; readonly createdMs: number },
  { schema, zeroCount, counts }: NativeBuckets,
  total: { readonly sum: number | "stale"; readonly count: number },
): void {
  const row = histograms.addRow(at.row, at.nowMs, at.createdMs);
  histograms.zeroThreshold[row] = ZERO_THRESHOLD;
  if (total.sum === "stale") {
    const words = new Uint32Array(histograms.sum.buffer, histograms.sum.byteOffset + row * 8, 2);
    words[0] = 2;
    words[1] = 0x7ff00000;
    histograms.endRow();
    return;
  }
  histograms.schema[row] = schema;
  histograms.zeroCount[row] = zeroCount;
  histograms.count[row] = total.count;
  histograms.sum[row] = total.sum;
  const sorted = [...counts].sort(([a], [b]) => a - b);
  for (let i = 0, next = 0; i < sorted.length; ) {
    const start = (sorted[i] as [number, number])[0];
    let length = 0;
    while (sorted[i]?.[0] === start + length) {
      histograms.positiveCounts.push((sorted[i] as [number, number])[1]);
      length++;
      i++;
    }
    histograms.positiveSpans.push(start - next, length);
    next = start + length;
  }
  histograms.endRow();
}
