/** Who calls whom and how it goes, asked over HTTP of a store with spans. */
import type { DependenciesAnswer, RedAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  openTestStore,
  otlpOf,
  type TestSpan,
  type TestStore,
} from "../../store/clickhouse/select/testing.ts";
import { registerDependencies } from "./dependencies.ts";

const nowMs = 1_700_000_000_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now(), after: () => () => {} };
const fromMs = nowMs - 100_000;
let store: TestStore;
let app: FastifyInstance;

const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

/** A request that goes from the web through a queue and a database, and to a server that has no spans. */
const requestOf = (n: number): TestSpan[] => {
  const of = (
    id: number,
    service: string,
    kind: number,
    more: Partial<TestSpan> & { readonly durationMs: number },
  ): TestSpan => ({ trace: n + 1, id, service, kind, startMs: fromMs + n * 10_000, ...more });
  const failed = n === 3 ? { error: "broken" } : {};
  return [
    of(1, "web", SERVER, { durationMs: 100, name: "GET /" }),
    of(2, "web", CLIENT, { parent: 1, durationMs: 80 }),
    of(3, "api", SERVER, { parent: 2, durationMs: 60, name: "pay", ...failed }),
    of(4, "api", CLIENT, {
      parent: 3,
      durationMs: 10,
      tags: { "db.system": "mysql", "db.name": "orders" },
    }),
    of(5, "api", PRODUCER, { parent: 3, durationMs: 2 }),
    of(6, "mailer", CONSUMER, { parent: 5, durationMs: 7, name: "mail" }),
    of(7, "api", CLIENT, { parent: 3, durationMs: 5, tags: { "peer.service": "it's; DROP" } }),
  ];
};

beforeAll(async () => {
  store = await openTestStore();
  await store.add(otlpOf([0, 1, 2, 3].flatMap(requestOf)));
  app = createHttpServer({
    report: (error) => {
      throw error;
    },
  });
  registerDependencies(app, { engine: store.engine, clock, prefix: "/api/triptych" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function get<T>(path: string): Promise<T> {
  const answer = await app.inject({ url: `/api/triptych${path}` });
  expect(answer.json()).not.toHaveProperty("error");
  return answer.json() as T;
}
const range = `from=${fromMs}&to=${nowMs}`;
const brief = ({ edges }: DependenciesAnswer): string[] =>
  edges
    .map(
      ({ client, server, connectionType, calls, failed }) =>
        `${client} > ${server} [${connectionType}] ${calls}/${failed}`,
    )
    .sort();

test("edges between services and to what has no spans", async () => {
  const answer = await get<DependenciesAnswer>(`/dependencies?${range}`);
  expect(brief(answer)).toEqual([
    "api > it's; DROP [virtual_node] 4/0",
    "api > mailer [messaging_system] 4/0",
    "api > orders [database] 4/0",
    "user > web [virtual_node] 4/0",
    "web > api [] 4/1",
  ]);
  const call = answer.edges.find(({ server }) => server === "api");
  expect(call?.clientSide.p50Ns).toBe(80e6);
  expect(call?.serverSide.p99Ns).toBe(60e6);
  expect(answer.edges.find(({ server }) => server === "orders")?.serverSide.p50Ns).toBe(0);
  expect(answer.sampledOneIn).toBe(1);
});

test("of one service, of part of the range, and no more than asked", async () => {
  const service = encodeURIComponent("it's; DROP");
  expect(brief(await get(`/dependencies?${range}&service=${service}`))).toHaveLength(1);
  const early = `from=${fromMs}&to=${fromMs + 15_000}`;
  expect(brief(await get(`/dependencies?${early}&service=mailer`))).toEqual([
    "api > mailer [messaging_system] 2/0",
  ]);
  expect(brief(await get(`/dependencies?${range}&limit=2`))).toHaveLength(2);
});

test("rate, errors and durations by service", async () => {
  const answer = await get<RedAnswer>(`/red?${range}&stepMs=20000`);
  expect(answer.series.map(({ service, requests }) => `${service} ${requests}`)).toEqual([
    "api 4",
    "mailer 4",
    "web 4",
  ]);
  expect(answer.series[0]).toMatchObject({
    operation: "",
    errors: 1,
    rate: [0.1, 0.1, 0, 0, 0],
    errorRatio: [0, 0.5, null, null, null],
    p95Ns: [60e6, 60e6, null, null, null],
  });
});

test("by operation of one service", async () => {
  const answer = await get<RedAnswer>(`/red?${range}&service=web&by=operation`);
  expect(answer.series.map(({ operation }) => operation)).toEqual(["GET /"]);
  expect(answer.series[0]?.rate).toHaveLength(60);
});

test("too many steps are refused", async () => {
  const answer = await app.inject({ url: `/api/triptych/red?${range}&stepMs=1` });
  expect(answer.statusCode).toBe(400);
});
