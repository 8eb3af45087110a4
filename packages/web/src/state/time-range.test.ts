import { describe, expect, test } from "vitest";
import {
  moveRange,
  parseDurationMs,
  parseRangeText,
  printDuration,
  readRange,
  resolveRange,
  writeRange,
  zoomOut,
} from "./time-range.ts";

const now = Date.UTC(2026, 2, 12, 14, 23);
const minute = 60_000;

describe("durations", () => {
  const check = (text: string, ms: number) =>
    test(text, () => expect(parseDurationMs(text)).toBe(ms));
  check("90s", 90_000);
  check("15 m", 15 * minute);
  check("15 min", 15 * minute);
  check("1h30m", 90 * minute);
  check("2d", 2 * 86_400_000);
  check("1.5s", 1500);
  check("250ms", 250);
  check("", Number.NaN);
  check("h", Number.NaN);
  check("5 parsecs", Number.NaN);
});

describe("printing gives back what parses", () => {
  for (const text of ["90ms", "1m30s", "15m", "1h30m", "2d", "1.5s", "0.25ms"]) {
    test(text, () => expect(printDuration(parseDurationMs(text))).toBe(text));
  }
});

describe("the URL", () => {
  const check = (params: Parameters<typeof readRange>[0], want: ReturnType<typeof readRange>) =>
    test(JSON.stringify(params), () => expect(readRange(params)).toEqual(want));
  check({}, { kind: "last", ms: 15 * minute });
  check({ last: "1h" }, { kind: "last", ms: 60 * minute });
  check({ last: "rubbish" }, { kind: "last", ms: 15 * minute });
  check(
    { from: "2026-03-12T14:00:00Z", to: "2026-03-12T14:10:00Z" },
    { kind: "absolute", from: now - 23 * minute, to: now - 13 * minute },
  );
  check(
    { from: "1773324000000", to: "1773324600000" },
    { kind: "absolute", from: 1773324000000, to: 1773324600000 },
  );
  check(
    { from: "2026-03-12T14:10:00Z", to: "2026-03-12T14:00:00Z" },
    { kind: "last", ms: 15 * minute },
  );
  test("round trip", () => {
    const choice = { kind: "absolute", from: now - 5 * minute, to: now - 1234 } as const;
    expect(readRange(writeRange(choice))).toEqual(choice);
  });
});

describe("moving", () => {
  const last = { kind: "last", ms: 10 * minute } as const;
  test("earlier", () =>
    expect(moveRange(last, -1, now)).toEqual({
      kind: "absolute",
      from: now - 15 * minute,
      to: now - 5 * minute,
    }));
  test("later reaches now and follows it again", () =>
    expect(moveRange(moveRange(last, -1, now), 1, now)).toEqual(last));
  test("a minute later it still does", () =>
    expect(moveRange(moveRange(last, -1, now), 1, now + 20_000)).toEqual(last));
  test("zoom out", () => expect(zoomOut(last, now)).toEqual({ kind: "last", ms: 20 * minute }));
  test("zoom out in the past keeps the middle", () =>
    expect(resolveRange(zoomOut({ kind: "absolute", from: 1000, to: 3000 }, now), now)).toEqual({
      from: 0,
      to: 4000,
    }));
});

describe("typed", () => {
  const check = (text: string, want: ReturnType<typeof parseRangeText>) =>
    test(text, () => expect(parseRangeText(text, now, "utc")).toEqual(want));
  check("last 2h", { kind: "last", ms: 120 * minute });
  check("14:00 to 14:10", { kind: "absolute", from: now - 23 * minute, to: now - 13 * minute });
  check("14:00 - now", { kind: "absolute", from: now - 23 * minute, to: now });
  check("2026-03-12 14:00 to 2026-03-12 14:10:00", {
    kind: "absolute",
    from: now - 23 * minute,
    to: now - 13 * minute,
  });
  check("25:00 to 26:00", undefined);
  check("yesterday", undefined);
});
