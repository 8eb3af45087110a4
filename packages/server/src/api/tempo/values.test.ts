import { expect, test } from "vitest";
import { goDuration } from "./values.ts";

test.each([
  [0, "0s"],
  [7, "7ns"],
  [-1500, "-1.5µs"],
  [223_636, "223.636µs"],
  [1_000_000, "1ms"],
  [999_999_999, "999.999999ms"],
  [2_500_000_000, "2.5s"],
  [90_000_000_000, "1m30s"],
  [3_600_000_000_000, "1h0m0s"],
  [3_723_000_000_001n, "1h2m3.000000001s"],
])("%s nanoseconds", (ns, want) => {
  expect(goDuration(ns)).toBe(want);
});
