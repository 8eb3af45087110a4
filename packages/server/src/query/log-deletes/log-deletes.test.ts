/** Deleting lines: those that were there, by any log query, for good; and not one more. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestClock,
  type TestLine,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import { sql } from "../../store/clickhouse/sql.ts";
import { allDone, createTestJournal, testDeletes, type TestJournal } from "./deletes-for-tests.ts";
import type { LogDeletes } from "./log-deletes.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const DAY_NS = 86_400_000_000_000n;
let clock: TestClock;
let store: TestStore;
let journal: TestJournal;
let deletes: LogDeletes;
beforeEach(async () => {
  clock = createTestClock(T + 3_600_000);
  store = await openTestStore(clock);
  journal = createTestJournal(store, clock);
  deletes = testDeletes(store, { clock, journal });
});
afterEach(async () => {
  await deletes.close();
  await store.close();
});

const lines: readonly TestLine[] = [
  { timeNs: NS, body: `{"user":"eve","n":1}`, service: "shop" },
  { timeNs: NS + 1n, body: `{"user":"bob","n":2}`, service: "shop" },
  { timeNs: NS + 2n, body: "it's \\' eve; -- {p0:String}", service: "cart" },
  {
    timeNs: NS + DAY_NS,
    body: `{"user":"eve","n":3}`,
    service: "shop",
    attributes: { "a.b": "x" },
  },
];

async function bodies(): Promise<string[]> {
  const rows = await store.engine.select(
    sql`SELECT Body AS body FROM otel_logs ORDER BY Timestamp`,
  );
  return readRows(rows, (block) => textCells(block, "body"));
}

const all = { fromNs: 0n, toNs: NS + 2n * DAY_NS };

function check(query: string, left: readonly number[], range = all) {
  test(`${query} leaves ${left.join(", ")}`, async () => {
    journal.append(logsOf(lines));
    await deletes.add({ query, ...range });
    await allDone(deletes);
    expect(await bodies()).toEqual(left.map((at) => lines[at]?.body));
    expect(deletes.list()).toMatchObject([
      { id: "id1", status: "processed", lines: lines.length - left.length },
    ]);
  });
}

check(`{service_name="shop"}`, [2]);
check(`{service_name="shop"}`, [1, 2, 3], { fromNs: NS, toNs: NS + 1n });
check(`{service_name=~".+"} |= "eve"`, [1]);
check(`{service_name="cart"} |= "it's \\\\' eve; -- {p0:String}"`, [0, 1, 3]);
check(`{service_name=~".+"} | json | user="eve"`, [1, 2]);
check(`{service_name=~".+"} | json | n >= 2 | __error__=""`, [0, 2]);
check(`{service_name=~".+"} | a_b="x"`, [0, 1, 2]);
check(`{service_name="nobody"}`, [0, 1, 2, 3]);

test("lines that come after the request stay", async () => {
  journal.append(logsOf(lines));
  await deletes.close();
  await deletes.add({ query: `{service_name=~".+"}`, ...all });
  journal.append(logsOf([{ timeNs: NS, body: "later" }]));
  await journal.drained();
  deletes = testDeletes(store, { clock, journal });
  await deletes.start();
  await allDone(deletes);
  expect(await bodies()).toEqual(["later"]);
});

test("what a journal sends again after a crash is deleted again", async () => {
  const seq = journal.append(logsOf(lines));
  await deletes.add({ query: `{service_name="shop"} | json | user="eve"`, ...all });
  await allDone(deletes);
  await deletes.close();
  journal.append(logsOf([{ timeNs: NS, body: `{"user":"eve"}` }]));
  await store.engine.execute("TRUNCATE TABLE otel_logs");
  await journal.again(seq);
  deletes = testDeletes(store, { clock, journal });
  await deletes.start();
  // Requests run in order: when this one has, the older one has again.
  await deletes.add({ query: `{service_name="nobody"}`, ...all });
  await allDone(deletes);
  expect((await bodies()).sort()).toEqual(
    [`{"user":"eve"}`, lines[1]?.body ?? "", lines[2]?.body ?? ""].sort(),
  );
});

test("a request that was acknowledged runs after a restart", async () => {
  journal.append(logsOf(lines));
  await deletes.close();
  const stopped = testDeletes(store, { clock, journal });
  await stopped.close();
  await stopped.add({ query: `{service_name="shop"}`, ...all });
  deletes = testDeletes(store, { clock, journal });
  await deletes.start();
  await allDone(deletes);
  expect(await bodies()).toEqual([lines[2]?.body]);
});

test("a request can be cancelled while it waits, and only then", async () => {
  await deletes.close();
  deletes = testDeletes(store, { clock, journal, cancelMs: 60_000 });
  journal.append(logsOf(lines));
  const id = await deletes.add({ query: `{service_name="shop"}`, ...all });
  const kept = await deletes.add({ query: `{service_name="cart"}`, ...all });
  await deletes.cancel(id, false);
  expect(deletes.list()).toMatchObject([{ id: kept, status: "received" }]);
  await expect(deletes.cancel(id, false)).rejects.toThrow("could not find delete request");
  while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.step(60_000);
  await allDone(deletes);
  expect(await bodies()).toEqual([0, 1, 3].map((at) => lines[at]?.body));
  await expect(deletes.cancel(kept, true)).rejects.toThrow("already processed");
});

for (const query of ["", "{", `rate({a="b"}[1m])`, `{a="b"} |~ "("`])
  test(`${JSON.stringify(query)} is refused`, async () => {
    await expect(deletes.add({ query, ...all })).rejects.toMatchObject({ code: "query_invalid" });
    expect(deletes.list()).toEqual([]);
  });

test("many lines that only the pipeline finds, in several statements", async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({
    timeNs: NS + BigInt(i),
    body: `{"n":${i}}`,
  }));
  for (let i = 0; i < 3; i++) journal.append(logsOf(many));
  await deletes.add({ query: `{service_name="shop"} | json | n > 9`, ...all });
  await allDone(deletes);
  expect(await bodies()).toHaveLength(30);
}, 60_000);
