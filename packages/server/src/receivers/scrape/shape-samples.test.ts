/** Native histograms in a scrape, and what a scrape of an unchanged target remembers. */
import { SampleBatch, Temporality } from "@triptych/model";
import { drain } from "@triptych/wire";
import { describe, expect, test } from "vitest";
import {
  emptyMemory,
  markAllStale,
  type ShapeRules,
  shapeSamples,
  type TargetMemory,
} from "./shape-samples.ts";
import { linesOf } from "./testing.ts";

const rules: ShapeRules = {
  relabel: undefined,
  nameScheme: "utf8",
  sampleLimit: 0,
  labelLimit: 0,
  labelNameBytesMax: 0,
  labelValueBytesMax: 0,
  bucketLimit: 0,
  schemaMax: 8,
  withNative: true,
  toCustomBuckets: false,
  keepsClassic: false,
  tracksTimes: false,
  outOfOrderMs: 0,
};

/** One native histogram of schema 1 with counts for the indexes 1, 2, 3 and 5. */
function native(): SampleBatch {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "h");
  const { histograms } = batch;
  const row = histograms.addRow(batch.series.end(Temporality.cumulative), 1000, 0);
  histograms.schema[row] = 1;
  histograms.count[row] = 10;
  histograms.positiveSpans.push(1, 3);
  histograms.positiveSpans.push(1, 1);
  for (const count of [1, 2, 3, 4]) histograms.positiveCounts.push(count);
  histograms.endRow();
  return batch;
}

describe("native histograms", () => {
  const check = (title: string, given: Partial<ShapeRules>, schema: number, counts: number[]) =>
    test(title, () => {
      const batch = native();
      const scrape = { rules: { ...rules, ...given }, memory: emptyMemory(), nowMs: 1000 };
      expect(drain(shapeSamples(batch, scrape)).problem).toBe("");
      const { histograms } = batch;
      const { used, values } = histograms.positiveCounts;
      expect([histograms.schema[0], ...values.subarray(0, used)]).toEqual([schema, ...counts]);
    });
  check("are kept as they are", {}, 1, [1, 2, 3, 4]);
  check("have fewer buckets under a limit", { bucketLimit: 3 }, 0, [3, 3, 4]);
  check("and still fewer", { bucketLimit: 1 }, -2, [10]);
  check("have wider buckets when these must grow faster", { schemaMax: -1 }, -1, [6, 4]);
});

test("a series that comes back later is new again", () => {
  const memory = emptyMemory();
  const scrape = (names: readonly string[], nowMs: number): [number, string[]] => {
    const batch = new SampleBatch();
    for (const name of names) {
      batch.series.addLabelText("__name__", name);
      batch.samples.add(batch.series.end(Temporality.gauge), nowMs, 0, 1);
    }
    const { added } = drain(shapeSamples(batch, { rules, memory, nowMs }));
    return [added, linesOf(batch)];
  };
  expect(scrape(["a", "b"], 1)).toEqual([2, ["a 1", "b 1"]]);
  expect(scrape(["b"], 2)).toEqual([0, ["a stale", "b 1"]]);
  expect(scrape(["b", "a"], 3)).toEqual([1, ["a 1", "b 1"]]);
});

describe("a scrape that fails half way", () => {
  const drainAll = (
    memory: TargetMemory,
    names: readonly string[],
    more: object,
    nowMs: number,
  ) => {
    const batch = new SampleBatch();
    for (const name of names) {
      batch.series.addLabelText("__name__", name);
      batch.samples.add(batch.series.end(Temporality.gauge), nowMs, 0, 1);
    }
    const shaped = drain(shapeSamples(batch, { rules, memory, nowMs, ...more }));
    if (shaped.problem === "") return { ...shaped, lines: linesOf(batch) };
    const stale = new SampleBatch();
    drain(markAllStale(stale, memory, nowMs));
    return { ...shaped, lines: linesOf(stale) };
  };
  test("counts what it showed, and what it did not show is stale", () => {
    const memory = emptyMemory();
    drainAll(memory, ["a", "b"], {}, 1);
    const failed = drainAll(memory, ["a", "c"], { failure: "Line 3" }, 2);
    expect(failed).toMatchObject({ scraped: 2, kept: 2, added: 1, problem: "Line 3" });
    expect(failed.lines).toEqual(["b stale"]);
    // Nothing is new afterwards, and what the failed one showed ends when it is gone.
    const next = drainAll(memory, ["a", "b"], {}, 3);
    expect(next).toMatchObject({ added: 0, lines: ["a 1", "b 1", "c stale"] });
  });
  test("a limit lets the rest be counted", () => {
    const memory = emptyMemory();
    const limited = { ...rules, sampleLimit: 2 };
    const failed = drainAll(memory, ["a", "b", "c"], { rules: limited }, 1);
    expect(failed).toMatchObject({ scraped: 3, kept: 3, added: 2 });
    expect(failed.problem).toBe("sample limit exceeded");
  });
  test("an empty answer makes nobody forget the series", () => {
    const memory = emptyMemory();
    drainAll(memory, ["a"], {}, 1);
    expect(drainAll(memory, [], { isEmpty: true }, 2).lines).toEqual(["a stale"]);
    expect(drainAll(memory, ["a"], {}, 3).added).toBe(0);
  });
});
