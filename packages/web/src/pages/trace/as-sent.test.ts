import { expect, test } from "vitest";
import { asSent, hasSkew } from "./as-sent.ts";
import { shownOf } from "./trace-fixture.ts";

const shifted = {
  ...shownOf(
    [
      ["a", "", 0, 100],
      ["b", "a", 25, 75],
    ],
    (span) =>
      span.spanId === "b"
        ? { ...span, skewNs: 5_025, events: [{ name: "e", offsetNs: 30, attributes: [] }] }
        : span,
  ),
  startNs: "1700000000000000000",
  marks: ["Clocks of hosts disagree: 1 span is shown shifted, by up to 5.03 µs.", "other"],
};

test("times as they were sent", () => {
  const sent = asSent(shifted);
  expect(hasSkew(shifted)).toBe(true);
  expect(hasSkew(sent)).toBe(false);
  expect(sent.startNs).toBe("1699999999999995000");
  expect(sent.spans.map((span) => span.offsetNs)).toEqual([5_000, 0]);
  expect(sent.spans[1]?.events?.[0]?.offsetNs).toBe(5);
  expect(sent.durationNs).toBe(5_100);
  expect(sent.marks).toEqual(["other"]);
});
