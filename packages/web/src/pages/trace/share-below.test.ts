import { expect, test } from "vitest";
import { shareBelow } from "./share-below.ts";

const usual = { boundsNs: [1, 10, 100], counts: [5, 4, 1] };
const check = (ns: number, want: number) =>
  test(`${ns} ns`, () => expect(shareBelow(usual, ns)).toBeCloseTo(want, 6));
check(0, 0);
check(10, 0.5);
check(100, 0.9);
check(1e9, 1);
test("nothing to compare with", () => expect(shareBelow({ boundsNs: [], counts: [] }, 5)).toBe(0));
