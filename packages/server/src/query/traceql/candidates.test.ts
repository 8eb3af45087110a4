/** Which traces are looked at: parts of the range, other spans of a trace, how long spans are together, samples. */
import { parseTraceql, type Traceql } from "@triptych/lang";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReader } from "../../store/clickhouse/select/reader.ts";
import { readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import {
  openTestStore,
  otlpOf,
  type TestSpan,
  type TestStore,
  traceIdOf,
} from "../../store/clickhouse/select/testing.ts";
import { selectCompared, selectSides } from "../../store/clickhouse/select/traceql-compare.ts";
import { mayBeDoubtful } from "../../store/clickhouse/select/traceql-condition.ts";
import { inRange, type NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { slices } from "../../store/clickhouse/select/traces-search.ts";
import { sql } from "../../store/clickhouse/sql.ts";
import { searchTraceql } from "./search.ts";

const T0 = 1_700_000_040_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const range: NsRange = { fromNs: ns(T0 - DAY), toNs: ns(T0) };
/** Where the newest part of the range begins. */
const edgeMs = Number(([...slices(range)][0] as NsRange).fromNs / 1_000_000n);

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  const spans: TestSpan[] = [
    // A trace on both sides of an edge between two parts.
    { trace: 1, id: 1, service: "early", startMs: edgeMs - 5, durationMs: 10 },
    { trace: 1, id: 2, parent: 1, service: "late", startMs: edgeMs + 5, durationMs: 2 },
    // 30 ms together, 15 on average, 20 at most; one of them is stored twice.
    { trace: 2, id: 1, service: "sum", startMs: T0 - 2 * HOUR, durationMs: 10 },
    { trace: 2, id: 2, service: "sum", startMs: T0 - 2 * HOUR + 1, durationMs: 20 },
    // On both sides of a minute.
    { trace: 3, id: 1, service: "minute", startMs: T0 - 3 * HOUR - 1, durationMs: 1 },
    { trace: 3, id: 2, service: "minute", startMs: T0 - 3 * HOUR, durationMs: 1 },
    // Beyond the end of the engine's minutes.
    { trace: 4, id: 1, service: "far", startMs: Date.UTC(2200, 0, 1), durationMs: 1 },
  ];
  await store.add(otlpOf(spans));
  await store.add(otlpOf(spans.slice(2, 3)));
});
afterAll(() => store.close());

async function search(text: string, within = range): Promise<string[]> {
  const query = parseTraceql(text) as Extract<Traceql.TraceqlQuery, { kind: "spansets" }>;
  const found = await searchTraceql(createReader(store.engine), query.pipeline, {
    ...{ range: within, limit: 10, spansPerSpanset: 10 },
  });
  return found.traces.map(({ traceId }) => traceId);
}

describe("parts of the range", () => {
  const minutesOf = (share: () => number): number[] =>
    [...slices(range, share)].map(({ fromNs, toNs }) => Number(toNs - fromNs) / 6e10);

  test("grow while nothing is found, and leave nothing out", () => {
    const minutes = minutesOf(() => 0);
    expect(minutes).toEqual([1, 8, 64, 512, 855]);
    expect(minutes.reduce((sum, one) => sum + one, 0)).toBe(24 * 60);
  });
  test("are as large as what was found says", () => {
    // Half of what is wanted lay in the first part: another one and a half times that is enough.
    expect(minutesOf(() => 0.5).slice(0, 2)).toEqual([1, 1.5]);
    expect(minutesOf(() => 0.001).slice(0, 2)).toEqual([1, 8]);
  });
});

test("an index says that no span is doubtful", async () => {
  // Indices are built when parts are merged.
  await store.engine.execute("OPTIMIZE TABLE otel_traces FINAL");
  const answer = await createReader(store.engine).select(
    sql`EXPLAIN indexes = 1 SELECT 1 FROM otel_traces WHERE ${mayBeDoubtful} LIMIT 1`,
  );
  const plan = readRows(answer, (block) => textCells(block, "explain")).join("\n");
  expect(plan).toMatch(/idx_doubtful[\s\S]*?Granules: 0\//);
});

describe("a trace that lies in two parts of the range", () => {
  const check = (text: string) =>
    test(text, async () => expect(await search(text)).toEqual([traceIdOf(1)]));
  check(`{ resource.service.name = "early" } && { resource.service.name = "late" }`);
  check(`{ resource.service.name = "late" } && { resource.service.name = "early" }`);
  check(`{ resource.service.name = "early" } >> { resource.service.name = "late" }`);
  check(`{ rootServiceName = "early" && resource.service.name = "late" }`);
  check(`{ span:childCount = 1 && resource.service.name = "early" }`);
});

describe("how long the spans of a trace are", () => {
  const check = (condition: string, wanted: boolean) =>
    test(condition, async () => {
      const text = `{ resource.service.name = "sum" } | ${condition}`;
      expect(await search(text)).toEqual(wanted ? [traceIdOf(2)] : []);
    });
  check("sum(duration) >= 30ms", true);
  check("sum(duration) > 30ms", false);
  check("avg(duration) >= 15ms", true);
  check("avg(duration) > 15ms", false);
  check("max(duration) >= 20ms", true);
  check("max(duration) > 20ms", false);
  check("avg(duration) < 16ms", true);
  check("count() > 1", true);
  check("count() > 2", false);
});

describe("ranges begin and end within minutes", () => {
  const at = T0 - 3 * HOUR;
  const check = (fromMs: number, toMs: number, wanted: number) =>
    test(`${fromMs - at} to ${toMs - at}`, async () => {
      const within = inRange({ fromNs: ns(fromMs), toNs: ns(toMs) });
      const answer = await store.engine.select(
        sql`SELECT toString(count()) AS spans FROM otel_traces WHERE ServiceName IN ('minute', 'far') AND ${within}`,
      );
      expect(readRows(answer, (block) => textCells(block, "spans"))).toEqual([String(wanted)]);
    });
  check(at - 1, at + 1, 2);
  check(at - 1, at, 1);
  check(at, at + 1, 1);
  check(at - 1, at - 1, 0);
  check(at + 1, at + 60_000, 0);
  check(-5, at + 1, 2);
  check(at - 1, Date.UTC(2201, 0, 1), 3);
  check(Date.UTC(2199, 0, 1), Date.UTC(2201, 0, 1), 1);
});

test("the table's order is used for a range", async () => {
  const answer = await store.engine.select(
    sql`EXPLAIN indexes = 1 SELECT SpanId FROM otel_traces WHERE ${inRange(range)}`,
  );
  const [column] = answer.blocks[0]?.columns ?? [];
  const lines = readRows(answer, (block) => textCells(block, column?.name ?? ""));
  const keys = lines.slice(lines.findIndex((line) => line.includes("PrimaryKey")));
  expect(keys.join("\n")).toContain("toStartOfMinute(Timestamp)");
});

test("compared samples count for what they stand for", async () => {
  const reader = createReader(store.engine);
  const query = {
    intervals: {
      ...{ startNs: range.fromNs, endNs: range.toNs, stepNs: range.toNs - range.fromNs },
      ...{ count: 1, instant: false },
    },
    condition: undefined,
    selection: sql`ServiceName = 'sum'`,
    ...{ topN: 10, rowsMax: 1000 },
  };
  expect(await selectSides(reader, query)).toEqual({ selected: 3, others: 4 });
  const names = async (oneIn: { selected: number; others: number }) => {
    const { totals } = await selectCompared(reader, { ...query, oneIn });
    return totals
      .filter(({ key }) => key === "name")
      .map(({ selected, count }) => [selected, count])
      .sort();
  };
  expect(await names({ selected: 1, others: 1 })).toEqual([
    [false, 4],
    [true, 3],
  ]);
  // Of traces 1 and 3 both, one or none are in the sample; each of their two spans counts for two.
  const sampled = new Map((await names({ selected: 1, others: 2 })) as [boolean, number][]);
  expect(sampled.get(true)).toBe(3);
  expect((sampled.get(false) ?? 0) % 4).toBe(0);
});
