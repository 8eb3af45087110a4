import { expect, test } from "vitest";
import { exp2, larger, log2, smaller } from "./go-math.ts";

test("powers of 2 are exact both ways", () => {
  for (let power = -1074; power < 1024; power++) {
    expect(exp2(power)).toBe(2 ** power);
    expect(log2(2 ** power)).toBe(power);
  }
});

const check = (what: string, got: number, want: number) => test(what, () => expect(got).toBe(want));
check("larger(NaN, Inf)", larger(Number.NaN, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
check("larger(NaN, 1)", larger(Number.NaN, 1), Number.NaN);
check(
  "smaller(-Inf, NaN)",
  smaller(Number.NEGATIVE_INFINITY, Number.NaN),
  Number.NEGATIVE_INFINITY,
);
check("smaller(1, NaN)", smaller(1, Number.NaN), Number.NaN);
check("exp2(1024)", exp2(1024), Number.POSITIVE_INFINITY);
check("exp2(-1075)", exp2(-1075), 0);
check("exp2(NaN)", exp2(Number.NaN), Number.NaN);
check("exp2(-Inf)", exp2(Number.NEGATIVE_INFINITY), 0);
check("log2(0)", log2(0), Number.NEGATIVE_INFINITY);
check("log2(-1)", log2(-1), Number.NaN);
check("log2(Inf)", log2(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
check("log2(NaN)", log2(Number.NaN), Number.NaN);

test("elsewhere they are those of JavaScript but for the last digits", () => {
  for (let x = -300.7; x < 300; x += 3.37) {
    expect(Math.abs(exp2(x) / 2 ** x - 1)).toBeLessThan(1e-15);
    expect(Math.abs(log2(exp2(x)) - x)).toBeLessThan(1e-12);
  }
});
