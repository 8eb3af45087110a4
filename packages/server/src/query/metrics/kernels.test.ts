import { describe, expect, test } from "vitest";
import { addIncrease, noObservations, rangesOf, upperBound } from "./native-histogram.ts";
import { bucketQuantile, rangeQuantile } from "./quantile.ts";
import { ratesAtSteps } from "./rate.ts";
import type { HistogramSample } from "./source.ts";

describe("rate over five minutes at 300 s", () => {
  const check = (name: string, points: [number, number][], want: number) =>
    test(name, () => {
      const out = new Float64Array(1);
      const series = {
        timeMs: Float64Array.from(points, ([s]) => s * 1000),
        value: Float64Array.from(points, ([, v]) => v),
      };
      ratesAtSteps(series, 300_000, { grid: { startMs: 300_000, stepMs: 1, count: 1 }, out });
      if (Number.isNaN(want)) expect(out[0]).toBeNaN();
      else expect(out[0]).toBeCloseTo(want, 12);
    });
  const steady = Array.from({ length: 21 }, (_, i) => [i * 15, 100 + i * 15] as [number, number]);
  // The sample at the window's open left edge does not count; the rate reaches there all the same.
  check("steady", steady, 1);
  check(
    "a reset in the middle",
    steady.map(([s, v]) => [s, s < 150 ? v : s - 150] as [number, number]),
    rateWithReset(),
  );
  check(
    "starts at zero inside",
    [
      [150, 0],
      [165, 15],
      [180, 30],
      [195, 45],
      [210, 60],
      [225, 75],
      [240, 90],
      [255, 105],
      [270, 120],
      [285, 135],
      [300, 150],
    ],
    0.5,
  );
  check("one sample", [[300, 5]], Number.NaN);
  check("none", [], Number.NaN);
  check(
    "stopped long ago",
    [
      [30, 10],
      [60, 40],
    ],
    (30 * (30 + 10 + 15)) / 30 / 300,
  );

  /** 15 to 135 grows by 120, then from 0: 0 at 150 up to 150 at 300; 285 s sampled, stretched to 300. */
  function rateWithReset(): number {
    const grown = 120 + 0 + 150;
    return (grown * (300 / 285)) / 300;
  }
});

describe("classic quantiles", () => {
  const check = (q: number, buckets: [number, number][], want: number) =>
    test(`${q} of ${JSON.stringify(buckets)}`, () =>
      expect(
        bucketQuantile(
          q,
          buckets.map(([upper, count]) => ({ upper, count })),
        ),
      ).toBe(want));
  const inf = Number.POSITIVE_INFINITY;
  check(
    0.5,
    [
      [1, 10],
      [2, 20],
      [inf, 20],
    ],
    1,
  );
  check(
    0.75,
    [
      [1, 10],
      [2, 20],
      [inf, 20],
    ],
    1.5,
  );
  check(
    0.25,
    [
      [1, 10],
      [2, 20],
      [inf, 20],
    ],
    0.5,
  );
  check(
    0.99,
    [
      [1, 10],
      [2, 20],
      [inf, 40],
    ],
    2,
  );
  check(
    0.5,
    [
      [-1, 10],
      [2, 10],
      [inf, 10],
    ],
    -1,
  );
  check(
    0.5,
    [
      [1, 0],
      [inf, 0],
    ],
    Number.NaN,
  );
  check(0.5, [[1, 5]], Number.NaN);
  check(0.5, [[inf, 5]], Number.NaN);
  check(
    1,
    [
      [1, 10],
      [2, 9],
      [inf, 10],
    ],
    1,
  );
});

describe("native histograms", () => {
  const sample = (change: Partial<HistogramSample>): HistogramSample => ({
    id: 1n,
    timeMs: 0,
    schema: 0,
    resetHint: 0,
    zeroThreshold: 1e-128,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positive: [],
    negative: [],
    customValues: [],
    ...change,
  });
  test("bounds", () =>
    expect([upperBound(0, 1), upperBound(1, 1), upperBound(-1, 1), upperBound(0, -1)]).toEqual([
      2,
      Math.SQRT2,
      4,
      0.5,
    ]));
  test("increase and quantile in the logarithm", () => {
    const first = sample({ count: 4, positive: [[1, 4]] });
    const found = noObservations(first);
    addIncrease(found, undefined, first);
    expect(found.count).toBe(0);
    addIncrease(
      found,
      first,
      sample({
        count: 12,
        positive: [
          [1, 8],
          [2, 4],
        ],
      }),
    );
    expect(rangesOf(found).map(({ lower, upper, count }) => [lower, upper, count])).toEqual([
      [1, 2, 4],
      [2, 4, 4],
    ]);
    expect(rangeQuantile(0.25, rangesOf(found))).toBeCloseTo(Math.SQRT2, 12);
    expect(rangeQuantile(1, rangesOf(found))).toBe(4);
  });
  test("a reset counts from zero", () => {
    const found = noObservations(sample({}));
    addIncrease(
      found,
      sample({ count: 10, positive: [[1, 10]] }),
      sample({ count: 3, positive: [[1, 3]] }),
    );
    expect(found.count).toBe(3);
  });
  test("schemas are brought to the coarser one", () => {
    const found = noObservations(sample({ schema: 1 }));
    addIncrease(
      found,
      sample({ schema: 1 }),
      sample({
        schema: 1,
        count: 2,
        positive: [
          [1, 1],
          [2, 1],
        ],
      }),
    );
    addIncrease(found, sample({}), sample({ count: 1, positive: [[1, 1]] }));
    expect([found.schema, ...found.positive]).toEqual([0, [1, 3]]);
  });
  test("custom bounds", () => {
    const found = noObservations(sample({ schema: -53, customValues: [1, 5] }));
    addIncrease(
      found,
      sample({ schema: -53 }),
      sample({
        schema: -53,
        count: 4,
        positive: [
          [0, 2],
          [1, 2],
        ],
        customValues: [1, 5],
      }),
    );
    expect(rangeQuantile(0.75, rangesOf(found))).toBe(3);
  });
});
