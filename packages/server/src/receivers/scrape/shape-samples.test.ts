/** Native histograms in a scrape, and what a scrape of an unchanged target remembers. */
import { SampleBatch, Temporality } from "@triptych/model";
import { drain } from "@triptych/wire";
import { describe, expect, test } from "vitest";
import { markAllStale, type ShapeRules, shapeSamples } from "./shape-samples.ts";
import { emptyMemory, type TargetMemory } from "./target-memory.ts";
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

test("a histogram with too many buckets is not there, so it ends with nothing", () => {
  const memory = emptyMemory();
  const scrape = { rules: { ...rules, bucketLimit: 1, schemaMax: 8 }, memory, nowMs: 1000 };
  const batch = native();
  batch.histograms.schema[0] = -4;
  const { scraped, kept, added, problem } = drain(shapeSamples(batch, scrape));
  expect([scraped, kept, added, problem]).toEqual([1, 1, 0, "histogram bucket limit exceeded"]);
  const stale = new SampleBatch();
  drain(markAllStale(stale, memory, 1000));
  drain(markAllStale(stale, memory, 2000));
  expect(linesOf(stale)).toEqual([]);
});

test("samples count in the order in which they are shown, histograms among others", () => {
  const batch = native();
  batch.series.addLabelText("__name__", "a");
  batch.samples.add(batch.series.end(Temporality.gauge), 1000, 0, 1);
  const memory = emptyMemory();
  const limited = { rules: { ...rules, sampleLimit: 1 }, memory, nowMs: 1000 };
  expect(drain(shapeSamples(batch, limited)).added).toBe(1);
  const next = new SampleBatch();
  drain(shapeSamples(next, { rules, memory, nowMs: 2000, failure: "x" }));
  drain(markAllStale(next, memory, 2000));
  expect(memory.known.size).toBe(1);
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

describe("samples with times of their own", () => {
  type Row = readonly [name: string, timeMs: number, value: number];
  const bench = (more: Partial<ShapeRules> = {}) => {
    const memory = emptyMemory();
    return (nowMs: number, rows: readonly Row[]) => {
      const batch = new SampleBatch();
      for (const [name, timeMs, value] of rows) {
        batch.series.addLabelText("__name__", name);
        batch.samples.add(batch.series.end(Temporality.gauge), timeMs, 0, value);
      }
      const scrape = { rules: { ...rules, ...more }, memory, nowMs, newestMs: nowMs + 100 };
      const { added, duplicates, outOfOrder, outOfBounds } = drain(shapeSamples(batch, scrape));
      return [linesOf(batch, nowMs), [added, duplicates, outOfOrder, outOfBounds]];
    };
  };
  test("are judged by what was stored, also when the series was gone for a while", () => {
    const scrape = bench();
    expect(scrape(10, [["a", 10, 1]])).toEqual([["a 1"], [1, 0, 0, 0]]);
    expect(scrape(20, [])).toEqual([["a stale"], [0, 0, 0, 0]]);
    expect(scrape(30, [["a", 15, 1]])).toEqual([[], [0, 0, 1, 0]]);
    expect(scrape(40, [["a", 35, 1]])).toEqual([["a 1 @35"], [1, 0, 0, 0]]);
    expect(scrape(50, [["a", 35, 1]])).toEqual([[], [0, 0, 0, 0]]);
    expect(scrape(60, [["a", 35, 2]])).toEqual([[], [0, 1, 0, 0]]);
  });
  test("are not judged by others of the same scrape, of which the newest stays", () => {
    const scrape = bench({ relabel: (labels) => labels.set("__name__", "x") !== undefined });
    const rows: Row[] = [
      ["a", 5, 1],
      ["b", 5, 2],
      ["c", 4, 3],
      ["d", 6, 4],
    ];
    expect(scrape(10, rows)).toEqual([
      ["x 1 @5", "x 4 @6"],
      [4, 0, 0, 0],
    ]);
    expect(scrape(20, rows)).toEqual([[], [0, 0, 3, 0]]);
  });
  test("ahead of what is allowed are counted, and against the limit", () => {
    const scrape = bench({ sampleLimit: 2 });
    expect(
      scrape(10, [
        ["a", 110, 1],
        ["b", 111, 1],
      ]),
    ).toEqual([["a 1 @110"], [1, 0, 0, 1]]);
  });
});
