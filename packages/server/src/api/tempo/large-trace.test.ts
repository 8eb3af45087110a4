import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  openTestStore,
  otlpOf,
  spanIdOf,
  type TestSpan,
  type TestStore,
  traceIdOf,
} from "../../store/clickhouse/select/testing.ts";
import { createTestClock } from "../../store/store-for-tests.ts";
import { registerTempoApi } from "./api.ts";

const T0 = 1_700_000_000_000;
let own: TestStore;
beforeAll(async () => {
  own = await openTestStore();
});
afterAll(() => own.close());

test("a trace of 10,000 spans is found, counted and read", async () => {
  const many: TestSpan[] = Array.from({ length: 10_000 }, (_, i) => ({
    trace: 77,
    id: i + 1,
    ...(i === 0 ? {} : { parent: i < 5_000 ? i : 1 }),
    service: `s${i % 5}`,
    startMs: T0 + i / 10,
    durationMs: 1,
  }));
  for (let i = 0; i < many.length; i += 2_500) await own.add(otlpOf(many.slice(i, i + 2_500)));
  const other = Fastify();
  registerTempoApi(other, {
    engine: own.engine,
    clock: createTestClock(T0 + 60_000),
    prefix: "/tempo",
  });
  const ask = async (path: string) =>
    JSON.parse((await other.inject({ url: `/tempo${path}` })).body);
  const found = await ask(
    `/api/search?q=${encodeURIComponent(`{ span:id = "${spanIdOf(1)}" } >> { }`)}&spss=5`,
  );
  expect(found.traces[0].spanSets[0].matched).toBe(9_999);
  const deep = await ask(
    `/api/search?q=${encodeURIComponent(`{ span:id = "${spanIdOf(5_000)}" } << { }`)}`,
  );
  expect(deep.traces[0].spanSets[0].matched).toBe(4_999);
  const trace = await ask(`/api/v2/traces/${traceIdOf(77)}`);
  expect(JSON.stringify(trace).match(/"spanId"/g)).toHaveLength(10_000);
  await other.close();
});
