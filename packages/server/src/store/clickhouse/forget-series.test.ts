/** Labels of series of which nothing is left. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestClock, openTestStore, samplesOf, type TestStore } from "../store-for-tests.ts";
import { deleteSamples } from "./delete-samples.ts";
import { forgetSeries } from "./forget-series.ts";
import { bigintCells, readRows, textCells } from "./select/rows.ts";
import { seriesSql } from "./select/series.ts";
import { i64, sql } from "./sql.ts";

const T = 1_700_000_000_000;
const DAY = 86_400_000;
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(createTestClock(T));
});
afterAll(() => store.close());

const put = (name: string, ...timesMs: number[]) =>
  store.put(
    samplesOf([{ labels: { __name__: name }, samples: timesMs.map((ms) => [ms, 1] as const) }]),
  );
const all = { fromMs: 0, toMs: T + 10 * DAY };
async function found({ fromMs, toMs } = all): Promise<string[]> {
  const days = [Math.floor(fromMs / DAY), Math.floor(toMs / DAY)].map((day) => i64(day));
  const result = await store.engine.select(
    sql`SELECT DISTINCT toString(Name) AS name FROM series
      WHERE intDiv(FirstSeen, 86400000) BETWEEN ${days[0] ?? i64(0)} AND ${days[1] ?? i64(0)} ORDER BY name`,
  );
  return readRows(result, (block) => textCells(block, "name"));
}
async function idOf(name: string): Promise<bigint> {
  const match = { name: "__name__", op: "=", value: name } as const;
  const result = await store.engine.select(seriesSql([match], all, 1));
  return readRows(result, (block) => bigintCells(block, "id"))[0] ?? 0n;
}

test("series without samples are listed no more", async () => {
  await put("a", T, T + DAY);
  await put("b", T);
  const ids = [await idOf("a"), await idOf("b")];
  const deps = { engine: store.engine, writeLabelsAgain: () => {}, settled: async () => {} };
  await forgetSeries(deps, ids);
  expect(await found()).toEqual(["a", "b"]);
  await deleteSamples(store.engine, ids, { fromMs: T, toMs: T });
  await forgetSeries(deps, ids);
  expect(await found()).toEqual(["a"]);
  expect(await found({ fromMs: T, toMs: T })).toEqual([]);
});

test("what comes meanwhile stays", async () => {
  await put("late", T);
  const id = await idOf("late");
  await deleteSamples(store.engine, [id], all);
  let again = 0;
  await forgetSeries(
    {
      engine: store.engine,
      writeLabelsAgain: () => {
        again++;
        store.forgetLabels();
      },
      settled: async () => void (await put("late", T + 1)),
    },
    [id],
  );
  expect(again).toBe(1);
  expect(await found({ fromMs: T, toMs: T })).toEqual(["late"]);
  await deleteSamples(store.engine, [id], all);
  const settled = async () => {};
  await forgetSeries({ engine: store.engine, writeLabelsAgain: () => {}, settled }, [id]);
  expect(await found({ fromMs: T, toMs: T })).toEqual([]);
});
