/** Labels are found by the keys they stand for: the same lines as when every key of every line is looked at. */
import { checkLogql, type LogqlQuery, parseLogql } from "@triptych/lang";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { statement } from "../../store/clickhouse/sql.ts";
import {
  createTestClock,
  hostileTexts,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { pipelineDeps } from "../logql/pipeline-deps.ts";
import { runLogQuery } from "../logql/run-logs.ts";
import { createAttributeKeys } from "./attribute-keys.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const DAY_NS = 86_400_000_000_000n;
const clock = createTestClock(T);
const range = { fromNs: NS, toNs: NS + 3n * DAY_NS };
let store: TestStore;
let asked: string[] = [];
let engine: Engine;
const attributes = [
  { "http.status_code": "500" },
  { http_status_code: "500" },
  { "http.status.code": "200", http_status_code: "500" },
  { http_status_code: "", "http.status.code": "500" },
  { "my.key": "v", other: "500", "one.key": "1" },
  { my_key: "" },
  ...hostileTexts.map((text) => ({ [`k_${text}`]: "v" })),
];
beforeAll(async () => {
  store = await openTestStore(clock);
  engine = {
    ...store.engine,
    select(query, options) {
      asked.push(statement(query).text);
      return store.engine.select(query, options);
    },
  };
  for (const [i, own] of attributes.entries())
    await store.put(
      logsOf([
        {
          timeNs: NS + BigInt(i % 2) * DAY_NS + BigInt(i),
          body: `${i}`,
          attributes: own,
          resource: i % 3 === 0 ? { "my.key": "r" } : {},
        },
      ]),
    );
});
afterAll(() => store.close());

function parsed(text: string): LogqlQuery {
  const expr = parseLogql(text);
  checkLogql(expr, pipelineDeps(clock));
  if (expr.kind !== "log_query") throw new Error("a log query");
  return expr;
}

const keys = { of: undefined as ReturnType<typeof createAttributeKeys> | undefined };
async function bodies(filter: string, known: boolean): Promise<string[]> {
  keys.of ??= createAttributeKeys(engine);
  const question = {
    query: parsed(`{service_name="shop"} ${filter}`),
    range,
    order: "oldest",
    limit: 1000,
  } as const;
  const deps = { engine, clock, ...(known ? { keys: keys.of } : {}) };
  return (await runLogQuery(deps, question, {})).map(({ text }) => text);
}

for (const filter of [
  ...[`| http_status_code="500"`, `| http_status_code!="500"`, `| http_status_code=~"5.*"`],
  ...[`| http_status_code >= 500`, `| my_key="v"`, `| my_key=""`, `| my_key!=""`, `| my_key="r"`],
  ...[`| my_key="v" or http_status_code="200"`, `| no_key="x"`, `| no_key!="x"`, `| other="500"`],
  ...hostileTexts.slice(0, 12).map((text) => `| k_${text.replace(/[^a-zA-Z0-9]/gu, "_")}="v"`),
])
  test(filter, async () => {
    expect(await bodies(filter, true)).toEqual(await bodies(filter, false));
  });

test("parts are looked at once, also when they are merged; what is new is found", async () => {
  await bodies(`| my_key="v"`, true);
  const learned = (): number => asked.filter((text) => text.includes("groupUniqArrayArray")).length;
  asked = [];
  await store.engine.execute("OPTIMIZE TABLE otel_logs FINAL");
  expect(await bodies(`| my_key="v"`, true)).toEqual(["4"]);
  expect(learned()).toBe(0);
  expect(await bodies(`| one_key="1"`, true)).toEqual(["4"]);
  expect(asked.at(-1)).not.toContain("replaceRegexpAll");
  await store.put(logsOf([{ timeNs: NS + 5_000n, body: "new", attributes: { "my-key": "v" } }]));
  expect(await bodies(`| my_key="v"`, true)).toEqual(["4", "new"]);
  expect(learned()).toBe(1);
});
