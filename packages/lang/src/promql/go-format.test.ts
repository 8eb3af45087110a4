import { describe, expect, test } from "vitest";
import { formatDuration, formatG, formatGPrecise, goQuote, parseDurationMs } from "./go-format.ts";

describe("numbers", () => {
  const check = (value: number, want: string) =>
    test(want, () => expect(formatG(value)).toBe(want));
  check(0, "0");
  check(100_000, "100000");
  check(1_000_000, "1e+06");
  check(1_234_567.5, "1.2345675e+06");
  check(0.0001, "0.0001");
  check(0.00001, "1e-05");
  check(Number.NEGATIVE_INFINITY, "-Inf");
  test("two digits", () => expect(formatGPrecise(1234, 2)).toBe("1.2e+03"));
});

describe("durations", () => {
  const check = (ms: number, want: string) =>
    test(want, () => {
      expect(formatDuration(ms)).toBe(want);
      expect(parseDurationMs(want.replace("-", ""))).toBe(Math.abs(ms));
    });
  check(5_400_000, "1h30m");
  check(86_400_000, "1d");
  check(90_000_000, "25h");
  check(-1500, "-1s500ms");
});

test("quoted text", () => expect(goQuote('a"\n\u0001é')).toBe('"a\\"\\n\\x01é"'));
