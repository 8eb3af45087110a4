/** Deleting samples: those of the series and range are gone, others are not, and it does not take long. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestClock, openTestStore, samplesOf, type TestStore } from "../store-for-tests.ts";
import { deleteSamples } from "./delete-samples.ts";
import { numberCells, readRows } from "./select/rows.ts";
import { sql } from "./sql.ts";

const T = 1_700_000_000_000;
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(createTestClock(T));
  await store.put(
    samplesOf([
      {
        labels: { __name__: "a" },
        samples: [
          [T, 1],
          [T + 1, 2],
          [T + 86_400_000, 3],
        ],
      },
      { labels: { __name__: "b" }, samples: [[T, 1]] },
    ]),
  );
});
afterAll(() => store.close());

const times = async (): Promise<number[]> =>
  readRows(
    await store.engine.select(sql`SELECT Time AS time FROM samples ORDER BY Time, Id`),
    (block) => numberCells(block, "time"),
  );

async function idOf(): Promise<bigint> {
  const answer = await store.engine.select(
    sql`SELECT DISTINCT toString(Id) AS id FROM series WHERE Name = 'a'`,
  );
  const column = answer.blocks[0]?.columns[0]?.data;
  return BigInt(column?.kind === "text" ? column.text(0) : "0");
}

test("only the series' samples in the range, both ends included", async () => {
  await deleteSamples(store.engine, [await idOf()], { fromMs: T + 1, toMs: T + 86_400_000 });
  expect(await times()).toEqual([T, T]);
  await deleteSamples(store.engine, [], { fromMs: 0, toMs: T });
  expect(await times()).toEqual([T, T]);
});
