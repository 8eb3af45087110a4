/** Loki's delete API: what it takes and refuses, what it answers, and that no reading finds the lines any more. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  allDone,
  createTestJournal,
  testDeletes,
  type TestJournal,
} from "../../query/log-deletes/deletes-for-tests.ts";
import type { LogDeletes } from "../../query/log-deletes/log-deletes.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerOwnLogs } from "../ours/logs.ts";
import { registerLokiApi } from "./api.ts";

const T = 1_700_000_000_000;
const clock = createTestClock(T + 600_000);
let store: TestStore;
let journal: TestJournal;
let made: LogDeletes;
let app: FastifyInstance;
beforeAll(async () => {
  store = await openTestStore(clock);
  journal = createTestJournal(store, clock);
  made = testDeletes(store, { clock, journal });
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerLokiApi(app, { engine: store.engine, clock, deletes: made });
  registerLokiApi(app, { engine: store.engine, clock, prefix: "/off" });
  registerOwnLogs(app, { engine: store.engine, clock, prefix: "/ours" });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await made.close();
  await store.close();
});

async function send(
  method: "GET" | "POST" | "PUT" | "DELETE",
  params: Record<string, string>,
  path = "/loki/api/v1/delete",
): Promise<{ status: number; text: string }> {
  const answer = await app.inject({ method, url: `${path}?${new URLSearchParams(params)}` });
  return { status: answer.statusCode, text: answer.body };
}

const selector = `{service_name="shop"}`;
const start = String(T / 1000);

test("lines that are deleted are found by nobody", async () => {
  const secret = { timeNs: BigInt(T) * 1_000_000n, body: "secret token", traceId: "ab".repeat(16) };
  journal.append(logsOf([secret, { ...secret, body: "open", service: "cart" }]));
  expect(
    await send("POST", { query: `${selector} |= "secret"`, start, max_interval: "24h" }),
  ).toEqual({ status: 204, text: "" });
  await allDone(made);
  const end = String(T / 1000 + 600);
  const asked = [
    ["/loki/api/v1/query_range", { query: `{service_name=~".+"}`, start, end }],
    ["/loki/api/v1/series", { start, end }],
    ["/loki/api/v1/patterns", { query: `{service_name=~".+"}`, start, end }],
    ["/ours/logs", { from: String(T), to: String(T + 600_000), trace: "ab".repeat(16) }],
  ] as const;
  for (const [path, params] of asked) {
    const { status, text } = await send("GET", params, path);
    expect([path, status]).toEqual([path, 200]);
    expect(text).not.toMatch(/secret|shop/);
  }
  expect(JSON.parse((await send("GET", {})).text)).toEqual([
    {
      request_id: "id1",
      start_time: T / 1000,
      end_time: T / 1000 + 600,
      query: `${selector} |= "secret"`,
      status: "processed",
      created_at: T / 1000 + 600,
    },
  ]);
});

function refused(
  params: Record<string, string>,
  message: RegExp,
  method: "PUT" | "DELETE" = "PUT",
) {
  test(`${method} ${JSON.stringify(params)} is refused`, async () => {
    const { status, text } = await send(method, params);
    expect(status).toBe(message.source.includes("could not find") ? 404 : 400);
    expect(text).toMatch(message);
  });
}
refused({ start }, /query not set/);
refused({ query: selector }, /start time not set/);
refused({ query: selector, start: "2", end: "1" }, /can't be greater than end/);
refused({ query: selector, start, end: String(T / 1000 + 601) }, /in the future/);
refused({ query: selector, start, max_interval: "x" }, /max_interval/);
refused({ query: "{", start }, /parse error at line 1, col/);
refused({ query: `{a=""}`, start }, /at least one/);
refused({ query: `count_over_time(${selector}[1m])`, start }, /which lines/);
refused({}, /request_id not set/, "DELETE");
refused({ request_id: "id9" }, /could not find/, "DELETE");
refused({ request_id: "id1", force: "true" }, /already processed/, "DELETE");

test("where it is not switched on nothing is deleted", async () => {
  expect((await send("POST", { query: selector, start }, "/off/delete")).status).toBe(403);
  expect((await send("GET", {}, "/off/delete")).text).toBe("[]");
});
