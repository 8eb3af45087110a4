/** What is remembered of selectors against what is there: series come and go between any two questions. */
import { type LabelPair, type Labels, labelsOf, labelValue } from "@triptych/lang";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GroupIds } from "./group-ids.ts";
import { type IndexMatcher, SeriesIndex } from "./series-index.ts";
import { SeriesSets } from "./series-sets.ts";

type Step =
  | { readonly kind: "add"; readonly i: number }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "ask"; readonly job: number; readonly by: "k" | "job"; readonly odd: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), i: fc.nat(40) }) },
  fc.record({ kind: fc.constant("remove" as const), which: fc.nat(100) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      job: fc.nat(2),
      by: fc.constantFrom("k" as const, "job" as const),
      odd: fc.boolean(),
    }),
  },
);

function run<T>(steps: Generator<void, T>): T {
  for (;;) {
    const one = steps.next();
    if (one.done === true) return one.value;
  }
}

const pairsOf = (i: number): LabelPair[] => [
  ["i", String(i)],
  ["job", `j${i % 3}`],
  ["k", `k${i % 4}`],
];
const isOdd = (value: string): boolean => Number(value) % 2 === 1;

test("refs and groups are those of the series that are there", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = new SeriesIndex();
      const groupIds = new GroupIds();
      const sets = new SeriesSets(index, groupIds);
      const known = new Map<number, number>();
      let nowMs = 0;
      for (const one of steps) {
        // Later than the time after which numbers are given to others.
        nowMs += 400_000;
        if (one.kind === "add") {
          if (known.has(one.i)) continue;
          const ref = index.add({ low: one.i, high: 1 }, pairsOf(one.i), nowMs);
          groupIds.renew(ref);
          known.set(one.i, ref);
        } else if (one.kind === "remove") {
          const i = [...known.keys()][one.which % Math.max(1, known.size)];
          if (i === undefined) continue;
          index.remove([known.get(i) as number], nowMs);
          known.delete(i);
        } else {
          const matchers: IndexMatcher[] = [
            { name: "job", op: "=", value: `j${one.job}`, test: (v) => v === `j${one.job}` },
            ...(one.odd ? [{ name: "i", op: "=~" as const, value: "odd", test: isOdd }] : []),
          ];
          const set = run(sets.of(matchers));
          const keyOf = (labels: Labels): string => labelValue(labels, one.by) ?? "";
          const groups = run(
            set.groups({
              id: `by ${one.by}`,
              keyOf,
              labelsOf: (labels) => labelsOf([[one.by, keyOf(labels)]]),
            }),
          );
          const found = Array.from(set.refs, (ref, place) => {
            const group = groups.labels[groups.groupOf[place] as number] as Labels;
            return `${labelValue(index.labels(ref), "i")} in ${labelValue(group, one.by)}`;
          });
          const want = [...known.keys()]
            .filter((i) => i % 3 === one.job && (!one.odd || i % 2 === 1))
            .sort((a, b) => (String(a) < String(b) ? -1 : 1))
            .map((i) => `${i} in ${one.by === "k" ? `k${i % 4}` : `j${i % 3}`}`);
          expect(found).toEqual(want);
        }
      }
      expect(sets.bytes).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 300 },
  );
});
