import type { FoundSpans, TraceAnswer, TraceOutline } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  openTestStore,
  otlpOf,
  spanIdOf,
  type TestSpan,
  type TestStore,
} from "../../store/clickhouse/select/testing.ts";
import { registerOwnTraces } from "./traces.ts";

const nowMs = 1_700_000_000_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now(), after: () => () => {} };
const large = "fe".repeat(16);
const small = "ab".repeat(16);
const count = 2_500;
let store: TestStore;
let app: FastifyInstance;

/** A tree ten wide, less one span in the middle of it. */
const spans = (trace: string, many: number): TestSpan[] =>
  Array.from(
    { length: many },
    (_, i): TestSpan => ({
      trace,
      id: i + 1,
      ...(i > 0 && { parent: Math.floor((i - 1) / 10) + 1 }),
      service: `service ${i % 3}`,
      name: `operation ${i % 7}`,
      startMs: nowMs - 1_000_000 + i,
      durationMs: 10,
      tags: { number: `No ${i} of "many"` },
    }),
  ).filter(({ id }) => id !== 12);

beforeAll(async () => {
  store = await openTestStore();
  app = createHttpServer({ report: () => {} });
  registerOwnTraces(app, { engine: store.engine, clock, prefix: "" });
  await store.add(otlpOf(spans(large, count)));
  await store.add(otlpOf(spans(small, 20)));
});
afterAll(async () => {
  await app.close();
  await store.close();
});

const get = async <T>(path: string): Promise<{ status: number; body: T }> => {
  const answer = await app.inject({ url: path });
  return { status: answer.statusCode, body: answer.json() as T };
};

describe("a large trace in outline", () => {
  test("says of each span what the whole trace says", async () => {
    const { body: outline } = await get<TraceOutline>(`/traces/${large}?details=small`);
    const { body: whole } = await get<TraceAnswer>(`/traces/${large}`);
    const { columns, names, services, orphans } = outline;
    const strangers = new Map(orphans);
    expect(whole.spans).toHaveLength(count - 1);
    expect(orphans).toHaveLength(10);
    expect(
      columns.spanId.map((spanId, i) => ({
        spanId,
        parentSpanId: columns.spanId[columns.parent[i] ?? -1] ?? strangers.get(i) ?? "",
        name: names[columns.name[i] ?? -1],
        service: services[columns.service[i] ?? -1],
        offsetNs: columns.offsetNs[i],
        durationNs: columns.durationNs[i],
      })),
    ).toEqual(
      whole.spans.map(({ spanId, parentSpanId, name, service, offsetNs, durationNs }) => ({
        spanId,
        parentSpanId,
        name,
        service,
        offsetNs,
        durationNs,
      })),
    );
    expect(columns.kind).toHaveLength(count - 1);
    expect(columns.status).toHaveLength(count - 1);
    for (const key of ["traceId", "startNs", "durationNs", "rootMissing"] as const)
      expect(outline[key]).toBe(whole[key]);
  });
  test("is whole when it is small", async () => {
    const { body } = await get<TraceAnswer>(`/traces/${small}?details=small`);
    expect(body.spans).toHaveLength(19);
    expect(body.spans[0]?.attributes).toEqual([["number", "string", 'No 0 of "many"']]);
  });
  test("is not found when it is not there", async () => {
    const { status } = await get(`/traces/${"01".repeat(16)}?details=small`);
    expect(status).toBe(404);
  });
});

describe("within a trace", () => {
  test("a span comes with its details", async () => {
    const { body } = await get<TraceAnswer>(`/traces/${large}/spans/${spanIdOf(100)}`);
    expect(body.spans.map(({ spanId, attributes }) => [spanId, attributes])).toEqual([
      [spanIdOf(100), [["number", "string", 'No 99 of "many"']]],
    ]);
    expect((await get(`/traces/${large}/spans/${spanIdOf(12)}`)).status).toBe(404);
    expect((await get(`/traces/${large}/spans/'; DROP TABLE x`)).status).toBe(404);
  });
  const check = (words: string, want: number): void =>
    test(`${words} is found ${want} times`, async () => {
      const { body } = await get<FoundSpans>(
        `/traces/${large}/find?text=${encodeURIComponent(words)}`,
      );
      expect(body.spanIds).toHaveLength(want);
    });
  check("no 99 OF", 1);
  check("NUMBER", count - 1);
  check("' OR 1=1 --", 0);
  check("%", 0);
  test("nothing to look for is refused", async () => {
    expect((await get(`/traces/${large}/find`)).status).toBe(400);
  });
});
