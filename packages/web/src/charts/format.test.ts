import { describe, expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  formatValue,
  plural,
  threeDigits,
} from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("durations", () => {
  const check = (ns: number, want: string) =>
    test(want, () => expect(plain(formatDuration(ns))).toBe(want));
  check(0, "0");
  check(420, "420 ns");
  check(12_345, "12.3 µs");
  check(999_600, "1 ms");
  check(180e6, "180 ms");
  check(4.2134e9, "4.21 s");
  check(3.5e9, "3.50 s");
  check(59.96e9, "60 s");
  check(150e9, "2.5 min");
  check(3 * 3600e9, "3 h");
  check(Number.NaN, "no data");
});

test("axes trim", () => expect(plain(formatDuration(3.5e9, "axis"))).toBe("3.5 s"));

describe("bytes", () => {
  const check = (bytes: number, want: string) =>
    test(want, () => expect(plain(formatBytes(bytes))).toBe(want));
  check(0, "0 B");
  check(1023, "1023 B");
  check(73_421_889_120, "68.4 GiB");
});

describe("counts", () => {
  const check = (value: number, want: string) =>
    test(want, () => expect(plain(formatCount(value))).toBe(want));
  check(3108, "3,108");
  check(-1010, "−1,010");
  check(12.345, "12.3");
  check(9_007_199_254_740_000, "9007 T");
  check(2.5e6, "2.5 M");
});

describe("shares", () => {
  const check = (share: number, want: string) =>
    test(want, () => expect(plain(formatShare(share))).toBe(want));
  check(0.92, "92 %");
  check(0.0008, "< 1 %");
  check(0.999, "> 99 %");
  check(0, "0 %");
});

describe("values with units", () => {
  const check = (value: number | null, unit: string, want: string) =>
    test(`${value} ${unit}`, () => expect(plain(formatValue(value, unit))).toBe(want));
  check(0.142, "s", "142 ms");
  check(2048, "By", "2 KiB");
  check(2048, "By/s", "2 KiB/s");
  check(12.5, "{request}/s", "12.5 request/s");
  check(0.4, "1", "0.4");
  check(null, "s", "no data");
  check(Number.POSITIVE_INFINITY, "s", "+Inf");
});

test("small values say that they are small", () => expect(threeDigits(0.0004)).toBe("< 0.001"));
test("plural", () => expect(plain(plural(1, "trace"))).toBe("1 trace"));
