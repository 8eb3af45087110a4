import type { ComparedRow, ComparedSide, TraceComparison } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { differingRows, findingOf } from "./compare-finding.ts";

const side = (criticalNs: number, more: Partial<ComparedSide> = {}): ComparedSide => ({
  spans: 1,
  failed: 0,
  durationNs: criticalNs,
  selfNs: criticalNs,
  criticalNs,
  spanId: "a",
  traces: 1,
  ...more,
});
const row = (parent: number, here?: ComparedSide, there?: ComparedSide): ComparedRow => ({
  service: "s",
  name: "n",
  kind: "internal",
  position: 0,
  depth: 0,
  parent,
  ...(here && { here }),
  ...(there && { there }),
});
const comparison = (
  durations: readonly [number, number],
  rows: readonly ComparedRow[],
  finding: number,
): TraceComparison => {
  const about = (durationNs: number) => ({
    traceId: "",
    traces: 1,
    service: "s",
    name: "n",
    startNs: "0",
    durationNs,
    spans: 1,
    failed: 0,
  });
  return { here: about(durations[0]), there: about(durations[1]), rows, finding };
};

describe("what made the difference", () => {
  const check = (
    because: string,
    speed: string,
    durations: readonly [number, number],
    [own, other]: readonly (ComparedSide | undefined)[],
  ) =>
    test(`${because}, ${speed}`, () =>
      expect(findingOf(comparison(durations, [row(-1, own, other)], 0))).toMatchObject({
        because,
        speed,
      }));
  check("longer", "slower", [900, 100], [side(900), side(100)]);
  check("shorter", "faster", [100, 900], [side(100), side(900)]);
  check("new", "slower", [900, 100], [side(800)]);
  check("missing", "faster", [100, 900], [undefined, side(800)]);
  check("failed", "slower", [900, 100], [side(900, { failed: 1 }), side(100)]);
  check("calls", "slower", [900, 100], [side(900, { spans: 50 }), side(100, { spans: 3 })]);
  check("longer", "about", [103, 100], [side(103), side(100)]);
});

test("rows that differ, and those above them", () => {
  const rows = [
    row(-1, side(10), side(10)),
    row(0, side(500), side(50)),
    row(0, side(20), side(20)),
    row(2, side(1, { failed: 1 }), side(1)),
    row(0, side(5), side(6)),
  ];
  expect([...differingRows(comparison([1000, 500], rows, 1))].sort()).toEqual([0, 1, 2, 3]);
});
