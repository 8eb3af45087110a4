import { describe, expect, test } from "vitest";
import { logTicks, numberTicks, timeTicks } from "./ticks.ts";

describe("numbers", () => {
  const check = (low: number, high: number, want: number[]) =>
    test(`${low} to ${high}`, () => expect(numberTicks(low, high)).toEqual(want));
  check(0, 100, [0, 25, 50, 75, 100]);
  check(0, 0.9, [0, 0.25, 0.5, 0.75]);
  check(0, 4.6, [0, 2, 4]);
  check(-10, 10, [-10, -5, 0, 5, 10]);
  check(5, 5, [5]);
});

test("logarithmic", () => expect(logTicks(50, 4000)).toEqual([100, 300, 1000, 3000]));
test("logarithmic axes have no zero", () => expect(logTicks(0, 10)).toEqual([]));

describe("times", () => {
  const check = (name: string, spanMs: number, width: number, stepMs: number) =>
    test(name, () => expect(timeTicks({ from: 0, to: spanMs }, width).stepMs).toBe(stepMs));
  check("an hour on a wide chart", 3_600_000, 900, 600_000);
  check("an hour on a telephone", 3_600_000, 320, 1_800_000);
  check("four seconds", 4_000, 900, 500);
  check("a month", 30 * 86_400_000, 900, 7 * 86_400_000);
  test("aligned to the zone", () => {
    const { ticks } = timeTicks({ from: 0, to: 86_400_000 }, 180, 330);
    expect(ticks[0]).toBe(43_200_000 - 330 * 60_000);
  });
});
