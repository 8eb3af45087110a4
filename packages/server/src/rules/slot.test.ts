import { expect, test } from "vitest";
import { slotBefore, slotOffsetMs } from "./slot.ts";

test("groups are evaluated at the times that Prometheus evaluates them at", () => {
  expect(slotOffsetMs("/etc/prometheus/rules.yml", "g0", 60_000)).toBe(58_580);
  expect(slotBefore(100_000, 60_000, 20_000)).toBe(80_000);
  expect(slotBefore(79_999, 60_000, 20_000)).toBe(20_000);
});
