import { SampleBatch, Temporality } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { createDeltaToCumulative } from "./delta-to-cumulative.ts";

const stage = () => createDeltaToCumulative({ seriesMax: 100, discarded: () => {} });

function counter(
  points: readonly (readonly [timeMs: number, value: number])[],
  temporality: number = Temporality.delta,
) {
  const batch = new SampleBatch();
  for (const [timeMs, value] of points) {
    batch.series.addLabelText("__name__", "c_total");
    batch.samples.add(batch.series.end(temporality), timeMs, 0, value);
  }
  return batch;
}

const values = (batch: SampleBatch): number[] => [
  ...batch.samples.value.subarray(0, batch.samples.rows),
];

describe("floats", () => {
  const check = (name: string, batches: SampleBatch[], want: number[][]) =>
    test(name, () => {
      const { process } = stage();
      expect(batches.map((batch) => values(process(batch).batch as SampleBatch))).toEqual(want);
    });
  check(
    "deltas add up across batches",
    [
      counter([[1, 2]]),
      counter([
        [2, 3],
        [3, 4],
      ]),
    ],
    [[2], [5, 9]],
  );
  check(
    "rows out of order add up in order of time",
    [
      counter([
        [3, 4],
        [2, 3],
      ]),
    ],
    [[7, 3]],
  );
  check("cumulative samples stay", [counter([[1, 5]], Temporality.cumulative)], [[5]]);
  test("what did not become durable is undone, so that its resend counts once", () => {
    const { process } = stage();
    process(counter([[1, 2]]));
    process(counter([[2, 3]])).undo?.();
    expect(values(process(counter([[2, 3]])).batch as SampleBatch)).toEqual([5]);
  });
});

function histogram(schema: number, buckets: readonly (readonly [index: number, count: number])[]) {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "h");
  const series = batch.series.end(Temporality.delta);
  const { histograms } = batch;
  const row = histograms.addRow(series, 1000 + buckets.length, 0);
  histograms.schema[row] = schema;
  let next = 0;
  for (const [index, count] of buckets) {
    histograms.positiveSpans.push(index - next, 1);
    histograms.positiveCounts.push(count);
    histograms.count[row] = (histograms.count[row] ?? 0) + count;
    next = index + 1;
  }
  histograms.endRow();
  return batch;
}

test("histograms add up bucket by bucket, the finer one reduced", () => {
  const { process } = stage();
  process(
    histogram(0, [
      [1, 2],
      [4, 1],
    ]),
  );
  const { histograms } = process(
    histogram(1, [
      [1, 1],
      [2, 1],
      [7, 5],
    ]),
  ).batch as SampleBatch;
  expect([...histograms.positiveSpans.gap.subarray(0, histograms.positiveSpans.used)]).toEqual([
    1, 2,
  ]);
  expect([...histograms.positiveSpans.length.subarray(0, histograms.positiveSpans.used)]).toEqual([
    1, 1,
  ]);
  expect([...histograms.positiveCounts.values.subarray(0, histograms.positiveCounts.used)]).toEqual(
    [4, 6],
  );
  expect(histograms.schema[0]).toBe(0);
  expect(histograms.count[0]).toBe(10);
});
