/** The cardinality answer over a real store: counts by name, label and pair, what is new, samples, bytes. */
import type { CardinalityAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerCardinality } from "./cardinality.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The middle of a day. */
const T = Date.UTC(2023, 10, 14, 12);
const clock = createTestClock(T);
let store: TestStore;
let app: FastifyInstance;

beforeAll(async () => {
  store = await openTestStore(clock);
  const requests = Array.from({ length: 30 }, (_, i) => ({
    labels: { __name__: "requests_total", path: `/p/${i}`, job: "shop" },
    samples: [
      [T - 2 * HOUR + (i % 2) * HOUR, 1],
      [T - 1000, 2],
    ] as const,
  }));
  const known = (atMs: number) => ({
    labels: { __name__: "up", job: "shop" },
    samples: [[atMs, 1]] as const,
  });
  await store.put(samplesOf([known(T - DAY)]));
  await store.put(samplesOf([...requests, known(T - HOUR)]));
  app = createHttpServer({ report: (error) => expect.fail(error.message) });
  registerCardinality(app, { engine: store.engine, clock, prefix: "/api/triptych" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

test("counts", async () => {
  const from = T - 6 * HOUR;
  const answer = await app.inject({
    url: `/api/triptych/metrics/cardinality?from=${from}&to=${T}&limit=2`,
  });
  const body = JSON.parse(answer.body) as CardinalityAnswer;
  expect(body).toMatchObject({ series: 31, names: 2, labels: 3 });
  expect(body.byName).toEqual([
    { name: "requests_total", series: 30, samples: 45, newSeries: 30 },
    { name: "up", series: 1, samples: 1, newSeries: 0 },
  ]);
  expect(body.byLabel).toEqual([
    { name: "path", values: 30, series: 30 },
    { name: "__name__", values: 2, series: 31 },
  ]);
  expect(body.byPair).toEqual([
    { label: "job", value: "shop", series: 31 },
    { label: "__name__", value: "requests_total", series: 30 },
  ]);
  // `up` was there on the day before.
  expect(body.churn).toMatchObject({ from, stepMs: HOUR / 4, total: 30 });
  expect(body.churn.counts).toHaveLength(24);
  expect([body.churn.counts[16], body.churn.counts[20]]).toEqual([15, 15]);
  const samples = body.tables.find(({ name }) => name === "samples");
  expect(samples?.rows).toBe(62);
  expect(samples?.bytes).toBeGreaterThan(0);
});

test("nothing there", async () => {
  const url = `/api/triptych/metrics/cardinality?from=${T - 900 * DAY}&to=${T - 899 * DAY}`;
  const body = JSON.parse((await app.inject({ url })).body) as CardinalityAnswer;
  expect(body).toMatchObject({ series: 0, pairs: 0, byName: [], byLabel: [], byPair: [] });
});
