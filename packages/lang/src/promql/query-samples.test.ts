/** Samples that queries evaluate: the numbers are those of Prometheus for the same series. */
import { expect, test } from "vitest";
import { evaluatePromql } from "./evaluate.ts";
import { emptyHistogram } from "./histogram.ts";
import { labelsFrom } from "./labels.ts";
import { parsePromql } from "./parser.ts";
import { samplesOfHistogram } from "./query-samples.ts";
import { seriesInMemory, type PromqlSource } from "./series.ts";

/** A sample every 10 s from 0 on; one series `one`, three series `three`. */
const source: PromqlSource = {
  async select(matchers, { afterMs, toMs }) {
    const name = matchers.find((matcher) => matcher.name === "__name__")?.value ?? "";
    const times = Array.from({ length: 200 }, (_, i) => i * 10_000);
    const timeMs = Float64Array.from(times.filter((ms) => ms > afterMs && ms <= toMs));
    const value = timeMs.map((ms) => ms / 10_000);
    return Array.from({ length: name === "three" ? 3 : 1 }, (_, i) =>
      seriesInMemory({
        labels: labelsFrom(new Map(Object.entries({ __name__: name, a: String(i), b: "x" }))),
        floats: { timeMs, value },
        histograms: [],
      }),
    );
  },
};

const compileRegex = (): never => {
  throw new Error("no patterns here");
};

async function countsOf(text: string, times: readonly [start: number, end: number, step?: number]) {
  const [start, end, step] = times;
  const result = await evaluatePromql(
    parsePromql(text, { compileRegex }),
    {
      startMs: start * 1000,
      endMs: end * 1000,
      stepMs: step === undefined ? undefined : step * 1000,
      compileRegex,
      countEvaluated: true,
    },
    source,
  );
  return result.evaluated;
}
const totalOf = async (...of: Parameters<typeof countsOf>) => (await countsOf(...of))?.total;

const instant = (text: string, want: number) =>
  test(text, async () => expect(await totalOf(text, [201, 201])).toBe(want));
const range = (text: string, want: number) =>
  test(`${text} over 4 steps`, async () => expect(await totalOf(text, [201, 216, 5])).toBe(want));

instant(`"literal"`, 0);
instant("1", 0);
instant("one", 1);
instant("timestamp(one)", 1);
instant("three", 3);
instant("one[60s]", 6);
instant("max_over_time(one[60s])", 6);
instant("max_over_time(three[60s])", 18);
instant("one[60s] @ 30", 4);
instant("sum(max_over_time(one[60s] @ 30))", 4);
instant("max_over_time(three[60s:5s])", 36);
instant("sum(max_over_time(three[60s:5s])) + sum(max_over_time(one[60s:5s]))", 48);
range("one", 4);
range("one @ 30", 4);
range("max_over_time(one[60s])", 24);
range("max_over_time(three[60s])", 72);
range("max_over_time(three[60s:5s])", 144);
range("sum(max_over_time(one[60s] @ 30))", 16);

/** What is read once is counted once. */
const read = (text: string, want: number) =>
  test(`${text} reads`, async () => expect((await countsOf(text, [201, 216, 5]))?.read).toBe(want));
read("one", 4);
read("one @ 30", 1);
read("max_over_time(one[60s])", 7);
read("max_over_time(three[60s])", 21);
read("max_over_time(one[60s] @ 30)", 4);
read("max_over_time(one[60s:5s])", 15);
read("max_over_time(one[60s:5s] @ 60)", 12);
read("max_over_time(max_over_time(one[60s:5s])[60s:30s])", 24);

test("a histogram counts as many samples as take its memory", () => {
  expect(samplesOfHistogram(emptyHistogram)).toBe(11);
  const positive = { index: Int32Array.of(0, 1, 5), count: Float64Array.of(1, 1, 1) };
  expect(samplesOfHistogram({ ...emptyHistogram, positive })).toBe(13);
});
