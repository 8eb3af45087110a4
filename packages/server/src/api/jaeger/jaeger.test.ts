import { existsSync, readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { openTestStore, otlpOf, type TestStore } from "../../store/clickhouse/select/testing.ts";
import { registerJaegerApi } from "./jaeger.ts";

const fixtures = new URL(
  "../../../../../../shared/conformance/jaeger/internal/storage/integration/fixtures/",
  import.meta.url,
);
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

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
type Json = any;
async function get(path: string): Promise<{ status: number; body: Json }> {
  const answer = await app.inject({ url: `/jaeger/api${path}` });
  return { status: answer.statusCode, body: answer.json() };
}
