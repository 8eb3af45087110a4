import { parseLogql, parseLogQuery } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { planQuery } from "./plan.ts";
import { readLines } from "./read-lines.ts";
import { runLogQuery } from "./run-logs.ts";
import { runMetricQuery } from "./run-metrics.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const LINES = 25_000;
const clock = createTestClock(T + 600_000);
let store: TestStore;
const deps = () => ({ engine: store.engine, clock });
const range = { fromNs: NS - 1n, toNs: NS + 40_000_000_000_000n };

beforeAll(async () => {
  store = await openTestStore(clock);
  // Ten lines share each instant, most of them lie close together, and some are hours later.
  const lines = Array.from({ length: LINES }, (_, i) => ({
    timeNs: NS + BigInt(Math.floor(i / 10)) * (i < 24_000 ? 1_000_000n : 10_000_000_000n),
    body: `line ${i}`,
    service: `s${i % 3}`,
  }));
  await store.put(logsOf(lines.slice(0, 13_333)), logsOf(lines.slice(13_333)));
}, 60_000);
afterAll(() => store.close());

for (const order of ["oldest", "newest"] as const)
  test(`every line once, ${order} first`, async () => {
    const seen = new Set<string>();
    let last = order === "oldest" ? 0n : NS * 2n;
    for await (const batch of readLines(
      store.engine,
      { range, conditions: [], order },
      { ask: {} },
    ))
      for (let row = 0; row < batch.rows; row++) {
        const timeNs = batch.timeNs(row);
        expect(order === "oldest" ? timeNs >= last : timeNs <= last).toBe(true);
        last = timeNs;
        seen.add(batch.text(row));
      }
    expect(seen.size).toBe(LINES);
  });

test("the lines of a limit are the first ones of all, wherever in the range they lie", async () => {
  const query = parseLogQuery('{service_name="s1"} |= "7"');
  // The first piece looked at is a small part of each of these: with few, with some, and with all of the lines.
  const ends = [1_000_000_000n, 3_000_000_000n, 2_000_000_000_000n, 40_000_000_000_000n];
  for (const order of ["oldest", "newest"] as const)
    for (const end of ends) {
      const asked = { query, range: { fromNs: NS - 1n, toNs: NS + end }, order };
      const all = await runLogQuery(deps(), { ...asked, limit: LINES }, {});
      for (const limit of [1, 7, 100, 1_000]) {
        const found = await runLogQuery(deps(), { ...asked, limit }, {});
        expect(found.map(({ text }) => text)).toEqual(all.slice(0, limit).map(({ text }) => text));
      }
    }
});

test("a limit that stages make hard to reach", async () => {
  const query = parseLogQuery('{service_name=~"s.*"} | regexp `line (?P<n>\\d+)` | n < 5');
  const found = await runLogQuery(deps(), { query, range, order: "newest", limit: 3 }, {});
  expect(found.map((line) => line.text).sort()).toEqual(
    expect.arrayContaining([expect.stringMatching(/^line [0-4]$/)]),
  );
  expect(found).toHaveLength(3);
});

test("counts here are those of the store", async () => {
  const times = { startMs: T, endMs: T + 30_000_000, stepMs: 60_000 };
  const ask = (text: string) => {
    const expr = parseLogql(text);
    if (expr.kind === "log_query") throw new Error("numbers are wanted");
    return runMetricQuery(deps(), { expr, ...times }, {});
  };
  const sums = [
    await ask('sum by (service_name) (count_over_time({service_name=~"s.*"}[5m]))'),
    await ask('sum by (service_name) (count_over_time({service_name=~"s.*"} | drop nothing [5m]))'),
  ].map((value) =>
    value.kind === "range"
      ? value.rows.map((row) => [row.labels.pairs, [...row.kind], [...row.value]])
      : [],
  );
  expect(sums[0]).toHaveLength(3);
  expect(sums[1]).toEqual(sums[0]);
});

test("bounds, and a client that went away", async () => {
  const query = parseLogQuery('{service_name=~"s.*"} | json');
  const question = { query, range, order: "newest", limit: 30_000 } as const;
  const limits = { linesMax: 12_000, bytesMax: 1e9 };
  await expect(runLogQuery({ ...deps(), limits }, question, {})).rejects.toThrow("too many lines");
  const tight = { linesMax: 1e9, bytesMax: 1_000 };
  await expect(runLogQuery({ ...deps(), limits: tight }, question, {})).rejects.toThrow(
    "too many bytes",
  );
  const gone = new AbortController();
  gone.abort();
  await expect(runLogQuery(deps(), question, { signal: gone.signal })).rejects.toThrow(
    TriptychError,
  );
});

test("what the store is given", () => {
  const plan = (text: string) => planQuery(parseLogQuery(text));
  expect(plan('{a="b"} |= "order 12"').conditions[1]).toEqual({
    kind: "letters",
    text: "order 12",
  });
  expect(plan('{a="b"} |= "x" | pod="y" | json |= "z"').applied).toBe(2);
  expect(plan('{a="b"} |= "x" | pod="y" | json |= "z"').conditions).toHaveLength(6);
  expect(plan('{a="b"} | line_format "x" |= "z"').conditions).toHaveLength(1);
  expect(plan('{a="b"} | x > 5').applied).toBe(0);
  expect(plan('{a="b"} | __error__=""').applied).toBe(0);
  expect(plan('{a="b"} |= ip("1.2.3.4")').applied).toBe(0);
});
