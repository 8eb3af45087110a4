/** The index against a plain list: series come, are asked for and go, in any order. */
import type { LabelPair } from "@triptych/lang";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SeriesIndex } from "./series-index.ts";

type Step =
  | { readonly kind: "add"; readonly k: number; readonly job: number }
  | { readonly kind: "remove"; readonly which: number; readonly many: number }
  | { readonly kind: "match"; readonly job: number };

const small = fc.nat({ max: 7 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("add" as const), k: fc.nat(60), job: small }),
  },
  fc.record({ kind: fc.constant("remove" as const), which: fc.nat(1_000), many: small }),
  fc.record({ kind: fc.constant("match" as const), job: small }),
);

const MINUTE = 60_000;

test("what came and did not go is found, in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const index = new SeriesIndex();
      const empty = index.bytes;
      const known = new Map<string, { ref: number; pairs: LabelPair[] }>();
      steps.forEach((one, i) => {
        if (one.kind === "add") {
          const pairs: LabelPair[] = [
            ["job", `j${one.job}`],
            ["k", `k${one.k}`],
          ];
          const hash = { low: one.k, high: one.job };
          const key = `${one.job} ${one.k}`;
          expect(index.find(hash.low, hash.high)).toBe(known.get(key)?.ref ?? -1);
          if (!known.has(key)) known.set(key, { ref: index.add(hash, pairs, i * MINUTE), pairs });
        } else if (one.kind === "remove") {
          const keys = [...known.keys()];
          const from = keys.length === 0 ? 0 : one.which % keys.length;
          const gone = keys.slice(from, from + one.many);
          index.remove(
            gone.map((key) => known.get(key)?.ref ?? -1),
            i * MINUTE,
          );
          for (const key of gone) known.delete(key);
        } else {
          const want = [...known.values()]
            .filter(({ pairs }) => pairs[0]?.[1] === `j${one.job}`)
            .map(({ pairs }) => pairs.map((pair) => pair.join("=")).join())
            .sort();
          const matcher = { name: "job", op: "=" as const, value: `j${one.job}`, test: () => true };
          const found = [...index.match([matcher])].map((ref) =>
            index
              .labels(ref)
              .pairs.map((pair) => pair.join("="))
              .join(),
          );
          expect(found).toEqual(want);
        }
        expect(index.size).toBe(known.size);
        const jobs = new Set([...known.values()].map(({ pairs }) => pairs[0]?.[1]));
        expect([...index.labelValues("job")].sort()).toEqual([...jobs].sort());
      });
      index.remove(
        [...known.values()].map(({ ref }) => ref),
        0,
      );
      expect([...index.labelNames()]).toEqual([]);
      expect(index.bytes).toBe(empty);
    }),
    { numRuns: 300 },
  );
});

test("series that come or go while others are put in order are found in order, too", () => {
  const index = new SeriesIndex();
  const add = (i: number): number =>
    index.add(
      { low: i, high: 0 },
      [
        ["i", String((i * 7919) % 100_003)],
        ["job", "a"],
      ],
      0,
    );
  const matchers = [{ name: "job", op: "=" as const, value: "a", test: (v: string) => v === "a" }];
  const labelsFound = (): string[] =>
    Array.from(index.match(matchers), (ref) => index.labels(ref).pairs[0]?.[1] ?? "");
  const refs: number[] = [];
  for (const size of [9_000, 30_000, 30_500]) {
    while (refs.length < size) refs.push(add(refs.length));
    let steps = 0;
    for (const _ of index.settle(matchers)) if (++steps === 2) refs.push(add(refs.length));
    const found = labelsFound();
    expect(found.length).toBe(refs.length);
    expect(found).toEqual([...found].sort());
  }
  while (refs.length < 45_000) refs.push(add(refs.length));
  let steps = 0;
  for (const _ of index.settle(matchers)) if (++steps === 3) index.remove(refs.slice(0, 100), 0);
  const found = labelsFound();
  expect(found.length).toBe(refs.length - 100);
  expect(found).toEqual([...found].sort());
});
