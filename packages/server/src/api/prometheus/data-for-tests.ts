/** Batches and requests for the tests of this API. Tests only. */
import { SampleBatch, Temporality, ValueKind } from "@triptych/model";
import { encodeSnappy, MessageWriter } from "@triptych/wire";

/** A counter with an exemplar, and a native histogram. */
export function richBatch(timeMs: number, traceId: string): SampleBatch {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "hits_total");
  batch.series.addLabelText("job", "a");
  const row = batch.series.end(Temporality.cumulative);
  batch.samples.add(row, timeMs, 0, 5);
  const exemplar = batch.exemplars.addRow(row, timeMs, 0.5);
  batch.exemplars.traceId.set(Buffer.from(traceId, "hex"), exemplar * 16);
  batch.exemplars.attributes.addEntry(batch.keys.internText("user"), ValueKind.string);
  batch.exemplars.attributes.values.appendText("u1");
  batch.exemplars.attributes.endRow();
  batch.series.addLabelText("__name__", "h");
  const histogram = batch.series.end(Temporality.cumulative);
  const h = batch.histograms;
  const at = h.addRow(histogram, timeMs, 0);
  h.schema[at] = 1;
  h.zeroThreshold[at] = 0.001;
  h.count[at] = 6;
  h.sum[at] = 7.5;
  h.positiveSpans.push(1, 2);
  h.positiveCounts.push(2);
  h.positiveCounts.push(4);
  h.endRow();
  batch.metadata.push({ family: "hits_total", type: "counter", unit: "", help: "Hits." });
  batch.metadata.push({ family: "up", type: "gauge", unit: "", help: "" });
  return batch;
}

export function readRequest(
  range: { readonly fromMs: number; readonly toMs: number },
  matchers: readonly [number, string, string][],
  accepts: readonly number[],
): Buffer {
  const out = new MessageWriter();
  const mark = out.begin(1);
  out.int64(1, range.fromMs);
  out.int64(2, range.toMs);
  for (const [type, name, value] of matchers) {
    const matcher = out.begin(3);
    out.uint(1, type);
    out.text(2, name);
    out.text(3, value);
    out.end(matcher);
  }
  out.end(mark);
  out.packedUints(2, accepts);
  return Buffer.from(encodeSnappy(out.bytes()));
}
