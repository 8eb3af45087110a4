/** What a sender or a limit left out of a span or line is told by every API that has a place for it. */
import { defaultLimits } from "@triptych/model";
import { decodeOtlpLogs, drain } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../receivers/http-server.ts";
import { createTestClock, openTestStore, type TestStore } from "../store/store-for-tests.ts";
import { decodeOtlpTraces } from "@triptych/wire";
import { registerJaegerApi } from "./jaeger/jaeger.ts";
import { registerLokiApi } from "./loki/api.ts";
import { registerOwnLogs } from "./ours/logs.ts";
import { registerOwnTraces } from "./ours/traces.ts";
import { registerTempoApi } from "./tempo/api.ts";

const T = 1_700_000_000_000;
const NS = String(BigInt(T) * 1_000_000n);
const clock = createTestClock(T + 600_000);
const trace = "ab".repeat(16);
const attributes = ["a", "b", "c"].map((key) => ({ key, value: { stringValue: key } }));
const limits = { ...defaultLimits, attributesPerItemMax: 2 };
const bytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
let store: TestStore;
let app: FastifyInstance;
beforeAll(async () => {
  store = await openTestStore(clock);
  const span = {
    traceId: trace,
    spanId: "cd".repeat(8),
    name: "x",
    startTimeUnixNano: NS,
    endTimeUnixNano: NS,
    attributes,
    droppedAttributesCount: 4,
    droppedEventsCount: 2,
  };
  const spans = { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] };
  await store.put(drain(decodeOtlpTraces(bytes(spans), "json", { limits })).batch);
  const logRecords = [{ timeUnixNano: NS, body: { stringValue: "line" }, attributes }];
  const logs = { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] };
  const options = { limits, arrivalNs: BigInt(T) * 1_000_000n };
  await store.put(drain(decodeOtlpLogs(bytes(logs), "json", options)).batch);
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  const deps = { engine: store.engine, clock };
  registerTempoApi(app, { ...deps, prefix: "/tempo", notReady: () => undefined });
  registerJaegerApi(app, { ...deps, prefix: "/jaeger" });
  registerLokiApi(app, deps);
  registerOwnTraces(app, { ...deps, prefix: "/ours" });
  registerOwnLogs(app, { ...deps, prefix: "/ours" });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

const from = `from=${T - 1000}&to=${T + 1000}`;
for (const [url, want] of [
  [`/tempo/api/traces/${trace}`, /"droppedAttributesCount":5,"droppedEventsCount":2/],
  [`/jaeger/api/v3/traces/${trace}`, /"droppedAttributesCount":5,"droppedEventsCount":2/],
  [`/jaeger/api/traces/${trace}`, /"otel.dropped_attributes_count","type":"int64","value":5/],
  [`/ours/traces/${trace}`, /"dropped":\{"attributes":5,"events":2,"links":0\}/],
  [`/ours/logs?${from}`, /\["dropped_attributes_count","int","1"\]|"dropped_attributes_count"/],
  [
    `/loki/api/v1/query_range?query={service_name="shop"}&start=${NS}&end=${T + 1000}000000`,
    /"dropped_attributes_count":"1"/,
  ],
] as const)
  test(url.split("?")[0] ?? "", async () => {
    const { statusCode, body } = await app.inject({ method: "GET", url });
    expect(statusCode).toBe(200);
    expect(body).toMatch(want);
  });

test("protobuf of Tempo", async () => {
  const { rawPayload } = await app.inject({
    url: `/tempo/api/traces/${trace}`,
    headers: { accept: "application/protobuf" },
  });
  // Fields 10 and 12 of a span.
  expect(rawPayload.includes(Buffer.from([0x50, 5]))).toBe(true);
  expect(rawPayload.includes(Buffer.from([0x60, 2]))).toBe(true);
});
