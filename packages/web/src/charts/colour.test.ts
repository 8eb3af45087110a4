import { expect, test } from "vitest";
import { distinctSeries, seriesColours, seriesOf } from "./colour.ts";

test("stable: a changed hash would recolour every service", () =>
  expect(["gateway", "order-service", "payment-service", "postgresql"].map(seriesOf)).toEqual([
    7, 9, 1, 5,
  ]));
test("all twelve are used, none far too often", () => {
  const counts = new Array<number>(seriesColours).fill(0);
  for (let i = 0; i < 1200; i++) {
    const index = seriesOf(`service-${i}`) - 1;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(60);
  expect(Math.max(...counts)).toBeLessThan(150);
});
test("on one chart colours differ while there are enough", () => {
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
  expect(new Set(distinctSeries(names)).size).toBe(12);
});
test("more than twelve repeat", () => {
  const names = Array.from({ length: 15 }, (_, i) => `s${i}`);
  expect(distinctSeries(names)).toHaveLength(15);
});
