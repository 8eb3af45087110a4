import type { CardinalityAnswer } from "@triptych/contract";
import { expect, test } from "vitest";
import { bytesPerSample, findingOf } from "./finding.ts";

const answer: CardinalityAnswer = {
  ...{ tookMs: 1, rowsRead: 1, bytesRead: 1, marks: [] },
  ...{ series: 10_000, names: 2, labels: 3, pairs: 40 },
  byName: [
    { name: "a", series: 1500, samples: 0, newSeries: 10 },
    { name: "b", series: 1400, samples: 0, newSeries: 900 },
  ],
  byLabel: [],
  byPair: [],
  churn: { from: 0, stepMs: 1, counts: [], total: 1000 },
  tables: [{ name: "samples", bytes: 50, rows: 100 }],
};
const check = (title: string, given: Partial<CardinalityAnswer>, want: unknown) =>
  test(title, () => expect(findingOf({ ...answer, ...given })).toEqual(want));
check("nothing there", { series: 0 }, { kind: "nothing" });
check("few series", { series: 900 }, { kind: "fine" });
check("spread evenly", {}, { kind: "fine" });
check("one name has most", { series: 2000 }, { kind: "large", name: "a", share: 0.75 });
check(
  "many come and go",
  { churn: { from: 0, stepMs: 1, counts: [], total: 5001 } },
  { kind: "churn", name: "b", newSeries: 900 },
);
test("bytes a sample", () => {
  expect(bytesPerSample(answer)).toBe(0.5);
  expect(bytesPerSample({ ...answer, tables: [] })).toBeUndefined();
});
