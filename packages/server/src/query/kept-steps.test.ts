/** Which steps are kept, which are computed, and what the two make together. */
import { type Grid, labelsFrom, type Row } from "@triptych/lang";
import { expect, test } from "vitest";
import type { Changes } from "../journal/changes.ts";
import { createKeptSteps, type KeptSteps } from "./kept-steps.ts";

const grid = (startMs: number, count: number): Grid => ({ startMs, stepMs: 10, count });

function rowOf(
  name: string,
  { startMs, stepMs, count }: Grid,
  value: (ms: number) => number | undefined,
): Row {
  const at = Array.from({ length: count }, (_, step) => value(startMs + step * stepMs));
  return {
    labels: labelsFrom(new Map([["name", name]])),
    dropName: false,
    kind: Uint8Array.from(at, (one) => (one === undefined ? 0 : 1)),
    value: Float64Array.from(at, (one) => one ?? 0),
    histograms: undefined,
  };
}

/** Asks for the value `1000 * generation + time`; gives what it answers and which grids were computed. */
function asker(kept: KeptSteps) {
  const computed: Grid[] = [];
  return {
    computed,
    async ask(asked: Grid, generation: number, names = ["a"], mayKeep = true): Promise<unknown[]> {
      const rows = await kept.rows({ key: "q", signal: "samples", grid: asked }, async (rest) => {
        computed.push(rest);
        const all = names.map((name) => rowOf(name, rest, (ms) => 1_000 * generation + ms));
        return { rows: all, mayKeep };
      });
      return rows.map(({ labels, kind, value }) => [
        labels.pairs[0]?.[1],
        Array.from(value, (one, step) => (kind[step] === 0 ? undefined : one)),
      ]);
    },
  };
}

function changesOf(oldestMs: () => number): Changes {
  return { mark: () => ({ applied: 0, epoch: 0 }), oldestSince: oldestMs, forgetAll() {} };
}

test("steps before the oldest change are kept, those at its time are not", async () => {
  let oldest = Infinity;
  const { ask, computed } = asker(
    createKeptSteps(
      changesOf(() => oldest),
      1e6,
    ),
  );
  expect(await ask(grid(100, 4), 1)).toEqual([["a", [1100, 1110, 1120, 1130]]]);
  oldest = 120;
  expect(await ask(grid(110, 4), 2)).toEqual([["a", [1110, 2120, 2130, 2140]]]);
  expect(computed).toEqual([grid(100, 4), grid(120, 3)]);
  oldest = 121;
  expect(await ask(grid(110, 4), 3)).toEqual([["a", [1110, 2120, 3130, 3140]]]);
  oldest = Infinity;
  expect(await ask(grid(110, 4), 4)).toEqual([["a", [1110, 2120, 3130, 3140]]]);
  expect(computed.length).toBe(3);
});

test("other grids, earlier beginnings and answers with notes are computed whole", async () => {
  const { ask, computed } = asker(
    createKeptSteps(
      changesOf(() => Infinity),
      1e6,
    ),
  );
  await ask(grid(100, 4), 1);
  await ask(grid(105, 4), 1);
  await ask({ startMs: 100, stepMs: 20, count: 2 }, 1);
  await ask(grid(90, 4), 1);
  expect(computed.map(({ count }) => count)).toEqual([4, 4, 2, 4]);
  await ask(grid(100, 4), 1, ["a"], false);
  await ask(grid(100, 4), 1);
  expect(computed.slice(4)).toEqual([grid(130, 1), grid(100, 4)]);
});

test("series come and go, in the order of their labels", async () => {
  let oldest = Infinity;
  const { ask } = asker(
    createKeptSteps(
      changesOf(() => oldest),
      1e6,
    ),
  );
  await ask(grid(100, 3), 1, ["b", "c"]);
  oldest = 120;
  expect(await ask(grid(110, 4), 2, ["a", "c"])).toEqual([
    ["a", [undefined, 2120, 2130, 2140]],
    ["b", [1110, undefined, undefined, undefined]],
    ["c", [1110, 2120, 2130, 2140]],
  ]);
  oldest = 140;
  expect((await ask(grid(120, 3), 3, ["c"])).map((row) => (row as [string])[0])).toEqual([
    "a",
    "c",
  ]);
});

test("what is kept has a bound: the oldest answers go, and a large one is not kept at all", async () => {
  const kept = createKeptSteps(
    changesOf(() => Infinity),
    10_000,
  );
  let computed = 0;
  const ask = (key: string, count: number) =>
    kept.rows({ key, signal: "logs", grid: grid(0, count) }, async (rest) => {
      computed++;
      return { rows: [rowOf("a", rest, () => 1)], mayKeep: true };
    });
  for (let i = 0; i < 50; i++) await ask(`q${i}`, 10);
  expect(kept.bytes).toBeLessThanOrEqual(10_000);
  await ask("q49", 10);
  expect(computed).toBe(50);
  await ask("q0", 10);
  expect(computed).toBe(51);
  await ask("large", 10_000);
  await ask("large", 10_000);
  expect(computed).toBe(53);
});

test("without a mark nothing is kept", async () => {
  const changes: Changes = { ...changesOf(() => Infinity), mark: () => undefined };
  const { ask, computed } = asker(createKeptSteps(changes, 1e6));
  await ask(grid(100, 4), 1);
  await ask(grid(100, 4), 1);
  expect(computed.length).toBe(2);
});
