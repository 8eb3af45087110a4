/** Spans that the tests of Tempo's API ask for, and the API over them. */
import Fastify from "fastify";
import {
  openTestStore,
  otlpOf,
  spanIdOf,
  type TestSpan,
  traceIdOf,
} from "../../store/clickhouse/select/testing.ts";
import { createTestClock } from "../../store/store-for-tests.ts";
import { registerTempoApi } from "./api.ts";

export const T0 = 1_700_000_000_000;
const spans: TestSpan[] = [
  {
    trace: 1,
    id: 1,
    service: "shop",
    name: "GET /",
    kind: 2,
    startMs: T0,
    durationMs: 100,
    tags: { "http.method": "GET", user: "ann" },
  },
  {
    trace: 1,
    id: 2,
    parent: 1,
    service: "cart",
    name: "add",
    kind: 3,
    startMs: T0 + 10,
    durationMs: 50,
    error: "broken",
  },
  {
    trace: 1,
    id: 3,
    parent: 2,
    service: "db",
    name: "insert",
    startMs: T0 + 20,
    durationMs: 20,
    tags: { "db.system": "pg" },
  },
  {
    trace: 2,
    id: 4,
    service: "shop",
    name: "GET /",
    kind: 2,
    startMs: T0 + 60_000,
    durationMs: 3,
    tags: { "http.method": "GET" },
  },
  // Its root never came.
  {
    trace: 3,
    id: 6,
    parent: 5,
    service: "late",
    name: "orphan",
    startMs: T0 + 90_000,
    durationMs: 7,
  },
  {
    trace: 3,
    id: 7,
    parent: 6,
    service: "late",
    name: "below",
    startMs: T0 + 90_001,
    durationMs: 2,
  },
];

/** Values of every kind, events, and links. */
const typed = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "typed" } }] },
      scopeSpans: [
        {
          scope: { name: "lib", version: "1" },
          spans: [
            {
              traceId: traceIdOf(9),
              spanId: spanIdOf(9),
              name: "all",
              startTimeUnixNano: String(BigInt(T0) * 1_000_000n),
              endTimeUnixNano: String(BigInt(T0) * 1_000_000n + 1_500_000n),
              attributes: [
                { key: "n", value: { intValue: "9007199254740993" } },
                { key: "f", value: { doubleValue: 1.5 } },
                { key: "b", value: { boolValue: true } },
                {
                  key: "list",
                  value: { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } },
                },
                { key: "code", value: { intValue: "200" } },
                { key: "single", value: { arrayValue: { values: [{ intValue: "7" }] } } },
              ],
              events: [
                {
                  timeUnixNano: String(BigInt(T0) * 1_000_000n + 500n),
                  name: "log",
                  attributes: [{ key: "e", value: { stringValue: "v" } }],
                },
              ],
              links: [{ traceId: traceIdOf(1), spanId: spanIdOf(1) }],
            },
          ],
        },
      ],
    },
  ],
};

export interface TempoForTests {
  get(
    path: string,
    params?: { readonly [name: string]: string | number },
    headers?: { readonly [name: string]: string },
  ): Promise<{
    readonly status: number;
    readonly text: string;
    readonly raw: Buffer;
    readonly type: unknown;
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any form
    json(): any;
  }>;
  close(): Promise<void>;
}

export async function openTempo(): Promise<TempoForTests> {
  const store = await openTestStore();
  await store.add(otlpOf(spans));
  await store.add(typed);
  const app = Fastify();
  registerTempoApi(app, {
    engine: store.engine,
    clock: createTestClock(T0 + 120_000),
    prefix: "/tempo",
  });
  await app.ready();
  return {
    async get(path, params = {}, headers = {}) {
      const query = new URLSearchParams(Object.entries(params).map(([k, v]) => [k, String(v)]));
      const answer = await app.inject({ url: `/tempo${path}?${query}`, headers });
      return {
        status: answer.statusCode,
        text: answer.body,
        raw: answer.rawPayload,
        type: answer.headers["content-type"],
        json: () => JSON.parse(answer.body),
      };
    },
    async close() {
      await app.close();
      await store.close();
    },
  };
}
