import { describe, expect, test } from "vitest";
import { clockText, nsToMs, rangeText, spanText, tickText } from "./clock-text.ts";

const now = Date.UTC(2026, 2, 12, 14, 23, 5, 120);
test("minute", () => expect(clockText(now, "utc")).toBe("14:23"));
test("second", () => expect(clockText(now, "utc", "second")).toBe("14:23:05"));
test("milliseconds", () => expect(clockText(now, "utc", "ms")).toBe("14:23:05.120"));
test("nanoseconds keep their fraction", () =>
  expect(nsToMs("1773325385120456789")).toBeCloseTo(1773325385120.4568, 3));
test("few nanoseconds", () => expect(nsToMs("12")).toBe(0.000012));

describe("ranges", () => {
  const check = (from: number, to: number, want: string) =>
    test(want, () => expect(rangeText({ from, to }, "utc", now)).toBe(want));
  check(now - 3_600_000, now, "13:23 to 14:23");
  check(now - 60_000, now, "14:22:05 to 14:23:05");
  check(now - 86_400_000, now, "2026-03-11 14:23 to 2026-03-12 14:23");
});

describe("spans", () => {
  const check = (ms: number, want: string) =>
    test(want, () => expect(spanText(ms).replaceAll("\u00a0", " ")).toBe(want));
  check(4000, "4 s");
  check(19 * 60_000, "19 min");
  check(125 * 60_000, "2 h 5 min");
  check(76 * 3_600_000, "3 d 4 h");
});

test("midnight shows the day", () =>
  expect(tickText(Date.UTC(2026, 2, 12), 3_600_000, "utc")).toBe("03-12"));
