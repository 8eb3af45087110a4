import { SampleBatch, SeriesTable, Temporality, ValueKind } from "@triptych/model";
import { expect, test } from "vitest";
import { createExemplarOrder } from "./exemplar-order.ts";

const NOW_MS = 5_000_000;
type One = readonly [timeMs: number, value: number, label?: string];

/** One series of one sender; what of each request is left, and how many were refused. */
function sender(windowMs = 0) {
  const table = new SeriesTable(true);
  table.addLabelText("__name__", "a");
  const series = table.end(Temporality.gauge);
  const order = createExemplarOrder(() => windowMs);
  return (...given: readonly One[]) => {
    const batch = new SampleBatch(4, table);
    for (const [timeMs, value, label = ""] of given) {
      batch.exemplars.addRow(series, timeMs, value);
      if (label !== "") {
        const { attributes } = batch.exemplars;
        attributes.addEntry(batch.keys.internText("k"), ValueKind.string);
        attributes.values.append(new TextEncoder().encode(label), 0, label.length);
      }
      batch.exemplars.attributes.endRow();
    }
    const { refused, taken } = order.check(batch, NOW_MS);
    taken();
    const { timeMs, value, rows } = batch.exemplars;
    return [refused, ...Array.from({ length: rows }, (_, i) => `${timeMs[i]}=${value[i]}`)];
  };
}

test("none is older than the newest of its series", () => {
  const send = sender();
  expect(send([10, 1])).toEqual([0, "10=1"]);
  expect(send([9, 1], [11, 1])).toEqual([1, "11=1"]);
});

test("the newest one again is left out in silence", () => {
  const send = sender();
  expect(send([10, 1, "x"])).toEqual([0, "10=1"]);
  expect(send([10, 1, "x"])).toEqual([0]);
});

test("at one time values ascend, and at one value the hashes of labels do", () => {
  const send = sender();
  expect(send([10, 2])).toEqual([0, "10=2"]);
  expect(send([10, 1], [10, 3])).toEqual([1, "10=3"]);
  const both = (first: string, second: string) => {
    const other = sender();
    return [other([10, 1, first]), other([10, 1, second])];
  };
  const taken = [both("a", "b"), both("b", "a")].map(([, second]) => second?.length);
  expect(taken.sort()).toEqual([1, 2]);
});

test("what follows a newer one of its own request is dropped, and not told", () => {
  const send = sender();
  expect(send([10, 1], [5, 1], [20, 1])).toEqual([0, "10=1", "20=1"]);
});

test("one without a time of its own neither is late nor makes others late", () => {
  const send = sender();
  expect(send([NOW_MS, 1], [10, 1])).toEqual([0, `${NOW_MS}=1`, "10=1"]);
  expect(send([11, 1], [NOW_MS, 1])).toEqual([0, "11=1", `${NOW_MS}=1`]);
});

test("a window for late ones", () => {
  const send = sender(100);
  expect(send([1000, 1])).toEqual([0, "1000=1"]);
  expect(send([950, 1], [900, 1])).toEqual([1, "950=1"]);
  expect(send([1000, 1])).toEqual([0]);
});
