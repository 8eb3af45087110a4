/** OTLP JSON in, Jaeger's JSON out: the same as when it had been stored. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  openTestStore,
  otlpOf,
  type TestStore,
  traceIdOf,
} from "../../store/clickhouse/select/testing.ts";
import { registerJaegerApi } from "./jaeger.ts";

const nowMs = 1_700_000_000_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now(), after: () => () => {} };
let store: TestStore;
let app: FastifyInstance;
beforeAll(async () => {
  store = await openTestStore();
  app = createHttpServer({
    report: (error) => {
      throw error;
    },
  });
  registerJaegerApi(app, { engine: store.engine, clock, prefix: "/jaeger" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

const transform = (payload: string, headers: { readonly [name: string]: string }) =>
  app.inject({ method: "POST", url: "/jaeger/api/transform", payload, headers });

const text = { "content-type": "text/plain;charset=UTF-8" };

test("a transformed trace is what a stored one is", async () => {
  const request = otlpOf([
    { trace: 7, id: 2, parent: 1, service: "api", startMs: nowMs - 90, durationMs: 5, kind: 3 },
    { trace: 7, id: 1, service: "web", startMs: nowMs - 100, durationMs: 50, kind: 2 },
    {
      ...{ trace: 8, id: 1, service: "web", startMs: nowMs - 200, durationMs: 1, error: "broken" },
      tags: { "http.route": "/a", odd: "é\u0000" },
      resource: { "host.name": "h" },
    },
  ]);
  const answer = await transform(JSON.stringify(request), text);
  expect(answer.statusCode).toBe(200);
  const found = answer.json();
  expect(found.data).toHaveLength(2);
  await store.add(request);
  for (const trace of [7, 8]) {
    const stored = await app.inject({ url: `/jaeger/api/traces/${traceIdOf(trace)}?raw=true` });
    const [want] = stored.json().data;
    expect(found.data.find((one: { traceID: string }) => one.traceID === want.traceID)).toEqual(
      want,
    );
  }
});

test("what is no OTLP is refused", async () => {
  for (const [payload, headers] of [
    ["{", text],
    ["", text],
    ["[1]", { "content-type": "application/json" }],
  ] as const) {
    const answer = await transform(payload, headers);
    expect([payload, answer.statusCode]).toEqual([payload, 400]);
    expect(answer.json().errors).toHaveLength(1);
  }
  expect((await transform("{}", text)).json().data).toEqual([]);
});
