/** What the store narrows before comparisons run: never a line too few, and seldom one too many. */
import { checkLogql, type LogqlQuery, parseLogql } from "@triptych/lang";
import { afterAll, beforeAll, expect, test } from "vitest";
import { numberCells, readRows } from "../../store/clickhouse/select/rows.ts";
import { logConditions } from "../../store/clickhouse/select/logs-filter.ts";
import { sql } from "../../store/clickhouse/sql.ts";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { pipelineDeps } from "./pipeline-deps.ts";
import { planQuery } from "./plan.ts";
import { runLogQuery } from "./run-logs.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T);
const range = { fromNs: NS, toNs: NS + 1_000_000_000n };
/** Of the attribute `v`; also odd forms, which the engine leaves to us. */
const values = [
  ...[
    "",
    "0",
    "499",
    "500",
    "501",
    "499.9999999999999",
    "500.0000000000001",
    "5e2",
    "0x1p9",
    "+500",
  ],
  ...["-500", "inf", "NaN", "five", " 500", "500 ", "1,000", "00500", "1e400", "."],
  ...["500ms", "0.5s", "1m30s", "1h", "-1s", "1000000us", "1000µs", "1.5h", "1s ", "3ns", "0"],
  ...[
    "1KB",
    "1kb",
    "1 KiB",
    "1024",
    "1023.9",
    "1MiB",
    "1.5 mb",
    "1g",
    "2Ti",
    "1 kB x",
    "7 b",
    "1e3b",
  ],
];
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(clock);
  await store.put(
    logsOf(
      values.map((value, i) => ({
        timeNs: NS + BigInt(i),
        body: `${i}`,
        attributes: { "my.v": value, other: String(i) },
      })),
    ),
  );
});
afterAll(() => store.close());

function parsed(text: string): LogqlQuery {
  const expr = parseLogql(text);
  checkLogql(expr, pipelineDeps(clock));
  if (expr.kind !== "log_query") throw new Error("a log query");
  return expr;
}

async function narrowed(query: LogqlQuery): Promise<number> {
  const result = await store.engine.select(
    sql`SELECT count() AS n FROM otel_logs WHERE ${logConditions(planQuery(query).conditions)}`,
  );
  return readRows(result, (block) => numberCells(block, "n"))[0] ?? 0;
}

const ask = {};
const bodies = async (text: string): Promise<string[]> => {
  const question = { query: parsed(text), range, order: "oldest", limit: 1000 } as const;
  return (await runLogQuery({ engine: store.engine, clock }, question, ask)).map(
    (line) => line.text,
  );
};

for (const bound of [
  "500",
  "0",
  "-1",
  "499.9999999999999",
  "500ms",
  "1s",
  "1h",
  "1KB",
  "1KiB",
  "1.5MB",
])
  for (const op of ["==", "!=", ">", ">=", "<", "<="]) {
    const filter = `my_v ${op} ${bound}`;
    test(filter, async () => {
      // Behind a stage that looks like one that makes labels nothing is narrowed: the pipeline alone decides.
      const want = await bodies(`{service_name="shop"} | label_format x="1" | ${filter}`);
      const query = `{service_name="shop"} | ${filter}`;
      expect(await bodies(query)).toEqual(want);
      const found = await narrowed(parsed(query));
      expect(found).toBeGreaterThanOrEqual(want.length);
      expect(found).toBeLessThan(values.length);
    });
  }

for (const [filter, want] of [
  [
    `| my_v > 499 and my_v < 500.5 | __error__=""`,
    ["3", "5", "6", "7", "8", "9", "14", "15", "17"],
  ],
  [`|~ "3|4" | my_v == 500 or my_v == 501 | __error__=""`, ["3", "4"]],
  [`| my_v >= 500 |= "4" | other = "4"`, ["4"]],
] as const)
  test(filter, async () => {
    const found = await bodies(`{service_name="shop"} ${filter}`);
    expect(found).toEqual(await bodies(`{service_name="shop"} | label_format x="1" ${filter}`));
    for (const one of found) expect(want).toContain(one);
  });

test("a label that a parser makes is not looked for in the store", () => {
  const { conditions } = planQuery(parsed(`{a="b"} | json | status >= 500`));
  expect(conditions).toHaveLength(1);
});
