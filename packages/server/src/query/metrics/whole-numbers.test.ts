/** Whole numbers are kept apart from other floats, and every value comes back with its bits. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStoreSource } from "./source.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import { sql } from "../../store/clickhouse/sql.ts";

const T = 1_700_000_000_000;
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(createTestClock(T));
});
afterAll(() => store.close());

const bits = (value: number): bigint =>
  new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;
const ofBits = (word: bigint): number =>
  new Float64Array(BigUint64Array.of(word).buffer)[0] as number;

const values = [
  ...[
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    1e15,
    2 ** 53,
    -(2 ** 53),
    2 ** 53 + 2,
    2 ** 63,
    -(2 ** 63),
    2 ** 64,
  ],
  ...[Number.MAX_VALUE, Number.MIN_VALUE, -Number.MIN_VALUE, 1e300, 123_456_789.25],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
];

test("zeros, the edges of whole numbers, infinities and no numbers", async () => {
  const samples = values.map((value, i) => [T + i * 1_000, value] as [number, number]);
  await store.put(samplesOf([{ labels: { __name__: "edge" }, samples }]));
  const source = createStoreSource(store.engine, { seriesMax: 10, samplesMax: 1_000 });
  const range = { afterMs: T - 1, toMs: T + 1e6 };
  const series = await source.selectSeries(
    [{ name: "__name__", op: "=", value: "edge" }],
    { fromMs: range.afterMs, toMs: range.toMs },
    {},
  );
  const read = await source.readSamples(
    series.map(({ id }) => id),
    range,
  );
  expect(Array.from(read.value.subarray(0, values.length), bits)).toEqual(values.map(bits));
});

test("what an older version stored is read as it was", async () => {
  const stale = "9218868437227405314";
  await store.engine.execute(
    `INSERT INTO samples (Id, Time, Value) VALUES (7, ${T}, 42), (7, ${T + 1}, 0.25), (7, ${T + 2}, reinterpretAsFloat64(toUInt64(${stale})))`,
  );
  const answer = await store.engine.select(
    sql`SELECT toString(reinterpretAsUInt64(Number)) AS bits FROM samples WHERE Id = 7 ORDER BY Time`,
  );
  const found = readRows(answer, (block) => textCells(block, "bits"));
  expect(found).toEqual([String(bits(42)), String(bits(0.25)), stale]);
  expect(ofBits(BigInt(stale))).toBeNaN();
});
