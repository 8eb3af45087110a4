import { SampleBatch, SeriesTable, Temporality } from "@triptych/model";
import { expect, test } from "vitest";
import { createSampleOrder } from "./sample-order.ts";

type Sample = readonly [series: string, timeMs: number, value: number | "histogram"];

/** Requests of one sender: a table of series that lasts, and what of each request is left. */
function sender(windowMs = 0) {
  const table = new SeriesTable(true);
  const order = createSampleOrder(() => windowMs);
  const rows = new Map<string, number>();
  const rowOf = (name: string): number => {
    const known = rows.get(name);
    if (known !== undefined) return known;
    table.addLabelText("__name__", name);
    const row = table.end(Temporality.gauge);
    rows.set(name, row);
    return row;
  };
  const check = (samples: readonly Sample[]) => {
    const batch = new SampleBatch(4, table);
    for (const [name, timeMs, value] of samples) {
      if (value !== "histogram") batch.samples.add(rowOf(name), timeMs, 0, value);
      else {
        batch.histograms.addRow(rowOf(name), timeMs, 0);
        batch.histograms.endRow();
      }
    }
    const found = order.check(batch);
    const left = Array.from(batch.samples.timeMs.subarray(0, batch.samples.rows));
    return { ...found, left, leftHistograms: batch.histograms.rows };
  };
  const send = (samples: readonly Sample[]) => {
    const found = check(samples);
    found.taken();
    const { left, leftHistograms, reason, refusedFloats, refusedHistograms } = found;
    return { left, leftHistograms, reason, refused: refusedFloats + refusedHistograms };
  };
  return { check, send };
}

const none = { leftHistograms: 0, reason: "", refused: 0 };

test("newer samples are taken, the same one again is known, others are refused", () => {
  const { send } = sender();
  expect(
    send([
      ["a", 10, 1],
      ["b", 10, 1],
    ]),
  ).toEqual({ ...none, left: [10, 10] });
  expect(
    send([
      ["a", 10, 1],
      ["b", 20, 1],
    ]),
  ).toEqual({ ...none, left: [20] });
  expect(send([["a", 10, 2]])).toMatchObject({
    left: [],
    reason: "duplicate sample for timestamp",
    refused: 1,
  });
  expect(
    send([
      ["a", 9, 1],
      ["b", 30, 1],
    ]),
  ).toMatchObject({
    left: [30],
    reason: "out of order sample",
    refused: 1,
  });
});

test("in one request the first of a time stays, and what is behind it goes in silence", () => {
  const { send } = sender();
  expect(
    send([
      ["a", 10, 1],
      ["a", 10, 2],
      ["a", 5, 1],
      ["a", 20, 1],
    ]),
  ).toEqual({
    ...none,
    left: [10, 20],
  });
  expect(
    send([
      ["a", 20, 1],
      ["a", 15, 1],
    ]),
  ).toMatchObject({ left: [], refused: 1 });
});

test("a request that did not become durable leaves no trace: it is taken when it comes again", () => {
  const { check, send } = sender();
  expect(
    check([
      ["a", 10, 1],
      ["a", 20, 1],
    ]).left,
  ).toEqual([10, 20]);
  expect(
    send([
      ["a", 10, 1],
      ["a", 20, 1],
    ]).left,
  ).toEqual([10, 20]);
});

test("requests that are under way at the same time", () => {
  const { check, send } = sender();
  const first = check([["a", 10, 1]]);
  const second = check([["a", 20, 1]]);
  second.taken();
  first.taken();
  expect(send([["a", 15, 1]])).toMatchObject({ left: [], refused: 1 });
});

test("within the window late samples are taken, beyond it they are too old", () => {
  const { send } = sender(100);
  send([["a", 1000, 1]]);
  expect(
    send([
      ["a", 950, 1],
      ["a", 1000, 7],
    ]),
  ).toEqual({ ...none, left: [950, 1000] });
  expect(send([["a", 800, 1]])).toMatchObject({ left: [], reason: "too old sample", refused: 1 });
});

test("histograms and floats of a series stand in one order", () => {
  const { send } = sender();
  expect(send([["a", 10, "histogram"]])).toEqual({ ...none, left: [], leftHistograms: 1 });
  expect(send([["a", 10, 1]])).toMatchObject({ reason: "duplicate sample for timestamp" });
  expect(send([["a", 5, "histogram"]])).toMatchObject({ leftHistograms: 0, refused: 1 });
  expect(send([["a", 11, 1]]).left).toEqual([11]);
});

test("many series at once", () => {
  const { send } = sender();
  const all = (timeMs: number): Sample[] =>
    Array.from({ length: 5000 }, (_, i) => [`s${i}`, timeMs, i] as const);
  expect(send(all(10)).left).toHaveLength(5000);
  expect(send(all(9)).refused).toBe(5000);
  expect(send(all(11)).left).toHaveLength(5000);
});
