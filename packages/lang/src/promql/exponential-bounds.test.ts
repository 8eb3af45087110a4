import { expect, test } from "vitest";
import { exponentialBound } from "./exponential-bounds.ts";

const check = (index: number, schema: number, want: number) =>
  test(`bucket ${index} of schema ${schema}`, () =>
    expect(exponentialBound(index, schema)).toBe(want));
check(0, 0, 1);
check(3, 0, 8);
check(-2, -1, 1 / 16);
check(1, 1, 1.414213562373095);
check(-1, 1, 0.7071067811865475);
check(3, 2, 1.6817928305074288);
check(2, 8, 2 * 0.5027149505564014);
check(1024, 0, Number.MAX_VALUE);
check(2048, 1, Number.MAX_VALUE);
check(2049, 1, Number.POSITIVE_INFINITY);

test("bounds of coarser schemas are bounds of finer ones", () => {
  for (let schema = 0; schema < 8; schema++)
    for (let index = -20; index < 20; index++)
      expect(exponentialBound(index * 2, schema + 1)).toBe(exponentialBound(index, schema));
});
