import { SampleBatch, Temporality } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { createStartTimeZeros } from "./start-time-zeros.ts";

const T = 1_700_000_000_000;
type Row = readonly [name: string, timeMs: number, startMs: number, value: number];

function batchOf(rows: readonly Row[], temporality: number = Temporality.cumulative): SampleBatch {
  const batch = new SampleBatch();
  for (const [name, timeMs, startMs, value] of rows) {
    batch.series.addLabelText("__name__", name);
    const series = batch.series.end(temporality);
    if (Number.isNaN(value)) batch.samples.addStale(series, timeMs, startMs);
    else batch.samples.add(series, timeMs, startMs, value);
  }
  return batch;
}
const shown = ({ samples, series }: SampleBatch) =>
  Array.from({ length: samples.rows }, (_, row) => [
    series.label(samples.series[row] as number, "__name__"),
    (samples.timeMs[row] as number) - T,
    samples.value[row],
  ]);
const stage = () => createStartTimeZeros({ seriesMax: 3 });

describe("zeros", () => {
  const check = (
    what: string,
    batches: readonly (readonly Row[])[],
    want: readonly (readonly [string, number, number])[],
  ) =>
    test(what, () => {
      const one = stage();
      let last = new SampleBatch();
      for (const rows of batches) {
        last = batchOf(rows);
        one.process(last);
      }
      expect(shown(last)).toEqual(want);
    });
  const first: Row = ["a", T, T - 1000, 5];
  check(
    "before the first sample",
    [[first]],
    [
      ["a", -1000, 0],
      ["a", 0, 5],
    ],
  );
  check("once", [[first], [["a", T + 10, T - 1000, 6]]], [["a", 10, 6]]);
  check(
    "again after a reset",
    [[first], [["a", T + 20, T + 5, 1]]],
    [
      ["a", 5, 0],
      ["a", 20, 1],
    ],
  );
  check("not without a start", [[["a", T, 0, 5]]], [["a", 0, 5]]);
  check("not when it starts with the sample", [[["a", T, T, 5]]], [["a", 0, 5]]);
  check("not from long ago", [[["a", T, T - 3_600_001, 5]]], [["a", 0, 5]]);
  check(
    "others keep their order",
    [[["b", T, 0, 1], first, ["c", T, T - 5, 2]]],
    [
      ["a", -1000, 0],
      ["c", -5, 0],
      ["b", 0, 1],
      ["a", 0, 5],
      ["c", 0, 2],
    ],
  );
  test("gauges have no start", () => {
    const batch = batchOf([first], Temporality.gauge);
    stage().process(batch);
    expect(batch.rows).toBe(1);
  });
  test("markers keep their bits", () => {
    const batch = batchOf([first, ["z", T, 0, Number.NaN]]);
    stage().process(batch);
    const words = new Uint32Array(batch.samples.value.buffer, 2 * 8, 2);
    expect([...words]).toEqual([2, 0x7ff00000]);
  });
});

test("what did not become durable is forgotten", () => {
  const one = stage();
  one.process(batchOf([["a", T, T - 1000, 5]])).undo?.();
  const again = batchOf([["a", T, T - 1000, 5]]);
  one.process(again);
  expect(again.rows).toBe(2);
});

test("native histograms", () => {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "h");
  const series = batch.series.end(Temporality.cumulative);
  const { histograms } = batch;
  const row = histograms.addRow(series, T, T - 1000);
  histograms.schema[row] = -53;
  histograms.count[row] = 3;
  histograms.positiveSpans.push(0, 1);
  histograms.positiveCounts.push(3);
  histograms.customValues.push(0.5);
  histograms.endRow();
  const zeros: number[] = [];
  createStartTimeZeros({ seriesMax: 3, added: (count) => void zeros.push(count) }).process(batch);
  expect([...histograms.timeMs.subarray(0, 2)]).toEqual([T, T - 1000]);
  expect([histograms.count[1], histograms.schema[1], histograms.resetHint[1]]).toEqual([0, -53, 1]);
  expect([...histograms.customValues.values.subarray(0, 2)]).toEqual([0.5, 0.5]);
  expect([...histograms.positiveCounts.offsets.subarray(0, 3)]).toEqual([0, 1, 1]);
  expect(zeros).toEqual([1]);
});
