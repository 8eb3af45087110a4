/** Counts by level: those of the store, for which most levels are numbers, are those of the lines. */
import { parseLogql } from "@triptych/lang";
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { levelCountsSql } from "../../store/clickhouse/select/logs.ts";
import { levelOf } from "../../store/clickhouse/select/logs-level.ts";
import { numberCells, readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestLine,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { runMetricQuery } from "./run-metrics.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T + 600_000);
const texts = ["", "INFO", "warning", "ERR", "Notice", "odd"];
const line = (i: number, more: Partial<TestLine>): TestLine => ({
  // Some of them lie on the edge of a second.
  timeNs: NS + BigInt(i % 7 === 0 ? Math.floor(i / 10) * 1e9 : i * 1e8 + 1),
  body: `line ${i}`,
  service: `s${i % 2}`,
  ...more,
});
/** Every number there may be and one beyond, with every text. */
const lines = Array.from({ length: 26 * texts.length }, (_, i) =>
  line(i, { severity: i % 26, severityText: texts[i % texts.length] ?? "" }),
);
const ofLoki = Array.from({ length: 60 }, (_, i) =>
  line(i, {
    severity: i % 3 === 0 ? 9 : 0,
    severityText: ["", "info", "critical", "mine"][i % 4] ?? "",
    schemaUrl: LOKI_SCHEMA_URL,
    resource: { service_name: `s${i % 2}` },
  }),
);
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(clock);
  await store.put(logsOf(lines));
});
afterAll(() => store.close());

async function rows(text: string): Promise<unknown[]> {
  const expr = parseLogql(text);
  if (expr.kind === "log_query") throw new Error("numbers are wanted");
  const times = { startMs: T, endMs: T + 20_000, stepMs: 1_000 };
  const value = await runMetricQuery({ engine: store.engine, clock }, { expr, ...times }, {});
  if (value.kind !== "range") throw new Error("a range is wanted");
  return value.rows
    .map((row) => [row.labels.pairs, [...row.kind], [...row.value]])
    .sort((a, b) => (JSON.stringify(a[0]) < JSON.stringify(b[0]) ? -1 : 1));
}

async function compareAll(): Promise<void> {
  const groups = [
    "level",
    "detected_level",
    "level, service_name",
    "detected_level, severity_text",
  ];
  for (const by of groups)
    for (const count of ["count_over_time", "bytes_over_time"]) {
      const ask = (stage: string) =>
        rows(`sum by (${by}) (${count}({service_name=~"s.*"} ${stage} [5s]))`);
      const found = await ask("");
      expect(found.length, by).toBeGreaterThan(3);
      expect(found, `${count} by ${by}`).toEqual(await ask("| drop nothing"));
    }
}

test("lines of OTLP", compareAll);

test("the histogram of the logs page", async () => {
  const filter = { range: { fromNs: NS, toNs: NS + 60_000_000_000n }, conditions: [] };
  const answer = await store.engine.select(levelCountsSql(filter, { fromMs: T, stepMs: 60_000 }));
  const found = readRows(answer, (block) => {
    const [level, count] = [textCells(block, "level"), numberCells(block, "lines")];
    return (row) => [level(row), count(row)] as const;
  });
  const wanted = new Map<string, number>();
  for (const { severity = 0, severityText = "" } of lines) {
    const level = levelOf(severity, severityText);
    wanted.set(level, (wanted.get(level) ?? 0) + 1);
  }
  expect(new Map(found)).toEqual(wanted);
});

test("and of Loki's push among them", async () => {
  await store.put(logsOf(ofLoki));
  await compareAll();
});
