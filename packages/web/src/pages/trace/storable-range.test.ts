import { expect, test } from "vitest";
import { storableRange } from "./storable-range.ts";

const check = (range: readonly [number, number], from: number, to: number) =>
  test(range.join(" to "), () => expect(storableRange(...range)).toEqual({ from, to }));
check([1.7, 9.2], 1, 10);
check([-86_400_000, 51], 0, 51);
check([-9, -3], 0, 1);
check([9_223_300_000_000, 9_223_999_000_000], 9_223_300_000_000, 9_223_372_036_854);
