import { type Batch, type Clock, LogBatch, SampleBatch, SpanBatch } from "@triptych/model";
import { expect, test } from "vitest";
import { createLimitFuture } from "./limit-future.ts";

const NOW = 1_790_000_000_000;
const clock = { nowMs: () => NOW } as Clock;

function run(batch: Batch) {
  const discarded: [string, number][] = [];
  const stage = createLimitFuture({
    futureMsMax: 600_000,
    clock,
    discarded: (reason, items) => discarded.push([reason, items]),
  });
  const { refused } = stage.process(batch);
  return { rows: batch.rows, others: refused?.others, message: refused?.message, discarded };
}

function spans(...timesMs: number[]): SpanBatch {
  const batch = new SpanBatch();
  for (const ms of timesMs) batch.startNs[addSpan(batch)] = BigInt(ms) * 1_000_000n;
  return batch;
}

function addSpan(batch: SpanBatch): number {
  const row = batch.addRow();
  batch.statusMessage.appendEmpty();
  batch.traceState.appendEmpty();
  batch.attributes.endRow();
  batch.events.endSpan(row);
  batch.links.endSpan(row);
  return row;
}

function logs(...timesMs: number[]): LogBatch {
  const batch = new LogBatch();
  for (const ms of timesMs) {
    batch.timeNs[batch.addRow()] = BigInt(ms) * 1_000_000n;
    batch.body.appendText("line");
    batch.attributes.endRow();
  }
  return batch;
}

const check = (name: string, batch: Batch, want: object) =>
  test(name, () => expect(run(batch)).toMatchObject(want));

const none = { others: undefined, discarded: [] };
check("of now and long ago", spans(0, NOW - 1, NOW), { rows: 3, ...none });
check("as far as allowed", logs(NOW + 600_000), { rows: 1, ...none });
check("samples are not looked at", new SampleBatch(), { rows: 0, ...none });
check("a span too far, among others", spans(NOW, NOW + 600_001, NOW + 1), {
  rows: 2,
  others: 1,
  message: "a span starts more than 600 s in the future; check the sender's clock",
  discarded: [["future", 1]],
});
check("lines of 2200", logs(7_258_118_400_000, 7_258_118_400_000), {
  rows: 0,
  others: 2,
  discarded: [["future", 2]],
});
