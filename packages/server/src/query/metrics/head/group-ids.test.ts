/** Two queries that ask for one grouping at once, each in turns. */
import { type Labels, labelsOf, labelValue } from "@triptych/lang";
import { expect, test } from "vitest";
import { GroupIds, type Groups } from "./group-ids.ts";

test("groups that another query made meanwhile are found, too", () => {
  const series = Array.from({ length: 10_000 }, (_, i) => labelsOf([["k", `k${i}`]]));
  const index = { refs: series.length, knownLabels: (ref: number) => series[ref] };
  const keyOf = (labels: Labels): string => labelValue(labels, "k") ?? "";
  const grouping = { id: "by k", keyOf, labelsOf: (labels: Labels) => labels };
  const ids = new GroupIds();
  const refs = Uint32Array.from(series, (_, ref) => ref);
  const late = ids.of(refs.slice().reverse(), grouping, index);
  late.next();
  const first = ids.of(refs, grouping, index);
  let step = first.next();
  while (step.done !== true) step = first.next();
  let lateStep = late.next();
  while (lateStep.done !== true) lateStep = late.next();
  const keysOf = ({ groupOf, labels }: Groups): string[] =>
    Array.from(groupOf, (group) => keyOf(labels[group] as Labels));
  expect(keysOf(step.value)).toEqual(series.map(keyOf));
  expect(keysOf(lateStep.value)).toEqual(series.map(keyOf).reverse());
});
