import { dayOfMs, dayOfNs } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { DaySplit, partitionOfDay } from "./rows.ts";

const words = (ns: bigint): [number, number] => [Number(ns & 0xffffffffn), Number(ns >> 32n)];

describe("the day of a time is exact at midnight", () => {
  const check = (ns: bigint, want: number) =>
    test(String(ns), () => expect(partitionOfDay(dayOfNs(...words(ns)))).toBe(want));
  check(0n, 19700101);
  check(1_700_006_399_999_999_999n, 20231114);
  check(1_700_006_400_000_000_000n, 20231115);
  check(1_700_006_400_000_000_001n, 20231115);
  check(9_223_372_036_854_775_807n, 22620411);
});
test("milliseconds before 1970 belong to the day before", () =>
  expect(partitionOfDay(dayOfMs(-1))).toBe(19691231));

describe("chunks", () => {
  const check = (name: string, days: number[][], rowsMax: number, want: [number, number[][]][]) =>
    test(name, () => {
      const split = new DaySplit<string>();
      for (const [i, rows] of days.entries())
        split.add(`b${i}`, rows.length, (row) => rows[row] ?? 0);
      const got = [...split.chunks(rowsMax)].map(({ partition, segments }) => [
        partition,
        segments.map(({ rows }) => [...rows]),
      ]);
      expect(got).toEqual(want);
    });
  check("one day, merged", [[0, 0], [0]], 10, [[19700101, [[0, 1], [0]]]]);
  check("split by size over batches", [[0, 0, 0], [0]], 2, [
    [19700101, [[0, 1]]],
    [19700101, [[2], [0]]],
  ]);
  check("two days", [[0, 1, 0]], 10, [
    [19700101, [[0, 2]]],
    [19700102, [[1]]],
  ]);
  check("nothing", [[]], 10, []);
});
