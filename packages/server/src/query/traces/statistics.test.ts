import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  benjaminiHochberg,
  chiSquared,
  chiSquaredTail,
  erfc,
  fisherExact,
  kolmogorovSmirnov,
  kolmogorovTail,
  logFactorial,
  testShares,
} from "./statistics.ts";

const counts = ([insideWith, insideWithout, outsideWith, outsideWithout]: readonly number[]) => ({
  insideWith: insideWith ?? 0,
  insideWithout: insideWithout ?? 0,
  outsideWith: outsideWith ?? 0,
  outsideWithout: outsideWithout ?? 0,
});
const close = (value: number, want: number) => expect(value / want).toBeCloseTo(1, 6);

describe("Fisher's exact test", () => {
  // Published tables: the lady tasting tea; Agresti's and Sokal's examples; scipy's documentation.
  const check = (table: readonly number[], want: number) =>
    test(table.join(" "), () => close(fisherExact(counts(table)), want));
  check([3, 1, 1, 3], 0.4857142857142857);
  check([1, 9, 11, 3], 0.002759456185220083);
  check([8, 2, 1, 5], 0.03496503496503495);
  check([6, 2, 1, 4], 0.10256410256410256);
  check([2, 15, 10, 3], 0.0005367241);
  check([10, 0, 0, 10], 1.0825088224469026e-5);
  check([0, 5, 0, 5], 1);
});

describe("chi-squared", () => {
  const tail = (value: number, want: number) =>
    test(`beyond ${value}`, () => expect(chiSquaredTail(value)).toBeCloseTo(want, 5));
  tail(0, 1);
  tail(2.7055434540954146, 0.1);
  tail(3.841458820694124, 0.05);
  tail(6.634896601021215, 0.01);
  tail(10.827566170662733, 0.001);
  test("a table", () => close(chiSquared(counts([20, 30, 30, 20])), 0.04550026389635842));
  test("an empty margin", () => expect(chiSquared(counts([0, 10, 0, 10]))).toBe(1));
  test("near Fisher's for large counts", () => {
    const table = counts([400, 1600, 300, 1700]);
    expect(Math.abs(Math.log(fisherExact(table)) - Math.log(chiSquared(table)))).toBeLessThan(0.2);
  });
  test("chosen when there are many tables", () => {
    expect(testShares(counts([1, 9, 11, 3])).test).toBe("fisher");
    expect(testShares(counts([90_000, 10_000, 80_000, 20_000])).test).toBe("chi-squared");
  });
});

test("erfc and factorials", () => {
  close(erfc(0.5), 0.4795001221869535);
  close(erfc(1), 0.15729920705028513);
  close(erfc(3), 2.209049699858544e-5);
  close(erfc(6), 2.1519736712498913e-17);
  expect(erfc(40)).toBe(0);
  close(logFactorial(10), Math.log(3_628_800));
  expect(Math.abs(logFactorial(0))).toBeLessThan(1e-14);
});

describe("Kolmogorov and Smirnov", () => {
  const tail = (lambda: number, want: number) =>
    test(`beyond ${lambda}`, () => expect(kolmogorovTail(lambda)).toBeCloseTo(want, 3));
  tail(0.5, 0.9639);
  tail(1, 0.27);
  tail(1.22, 0.102);
  tail(1.36, 0.049);
  tail(1.63, 0.01);
  test("gaps", () => {
    expect(kolmogorovSmirnov([1, 2, 3], [1, 2, 3])).toEqual({ gap: 0, p: 1 });
    expect(kolmogorovSmirnov([1, 2, 3, 4], [3, 4, 5, 6]).gap).toBe(0.5);
    expect(kolmogorovSmirnov([1, 2], [8, 9]).gap).toBe(1);
    expect(kolmogorovSmirnov([1, 1, 1, 2], [1, 2, 2, 2]).gap).toBe(0.5);
    expect(kolmogorovSmirnov([], [1]).p).toBe(1);
  });
  test("another location is seen, the same one is not", () => {
    const numbers = (from: number) =>
      Array.from({ length: 500 }, (_, i) => from + ((i * 7919) % 1000));
    expect(kolmogorovSmirnov(numbers(0), numbers(300)).p).toBeLessThan(1e-12);
    expect(kolmogorovSmirnov(numbers(0), numbers(1)).p).toBeGreaterThan(0.9);
  });
});

describe("many comparisons", () => {
  // The example of Benjamini and Hochberg's paper: fifteen p-values, four stay below 0.05.
  const ps = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719,
    0.6528, 0.759, 1,
  ];
  test("the paper's example", () => {
    const adjusted = benjaminiHochberg(ps, 15);
    expect(adjusted.filter((p) => p <= 0.05)).toHaveLength(4);
    close(adjusted[0] ?? 0, 0.0015);
    close(adjusted[3] ?? 0, 0.035625);
  });
  test("comparisons not given count", () => {
    expect(benjaminiHochberg([0.001], 100)[0]).toBeCloseTo(0.1, 12);
  });
});

test("p-values are probabilities, symmetric in the groups, and 1 for equal shares", () => {
  const small = fc.nat(60);
  fc.assert(
    fc.property(small, small, small, small, (a, b, c, d) => {
      for (const test of [fisherExact, chiSquared]) {
        const p = test(counts([a, b, c, d]));
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(Math.abs(p - test(counts([c, d, a, b])))).toBeLessThan(1e-9);
        expect(Math.abs(p - test(counts([b, a, d, c])))).toBeLessThan(1e-9);
        expect(test(counts([a, b, a, b]))).toBeCloseTo(1, 9);
      }
    }),
  );
});
