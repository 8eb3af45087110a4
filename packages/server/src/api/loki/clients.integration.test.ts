/** Real clients of Loki's push deliver here unchanged, and their lines are found whole. */
import { defaultLimits, type LogBatch } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import pino from "pino";
import { pinoLoki } from "pino-loki";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLogger } from "winston";
import LokiTransport from "winston-loki";
import { createHttpServer } from "../../receivers/http-server.ts";
import { lokiPushPaths, registerLokiPush } from "../../receivers/loki/http.ts";
import { systemClock as clock } from "../../self/clock.ts";
import { openTestStore, type TestStore } from "../../store/store-for-tests.ts";
import { registerLokiApi } from "./api.ts";

let store: TestStore;
let app: FastifyInstance;
let host = "";

beforeAll(async () => {
  store = await openTestStore(clock);
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerLokiApi(app, { engine: store.engine, clock });
  const next = {
    duplicateOf: () => null,
    accept: async (batch: unknown) => void (await store.put(batch as LogBatch)),
    admit: () => () => {},
    discarded: (reason: string) => expect(reason).toBe(""),
  };
  const report = (error: unknown) => expect(error).toBeUndefined();
  registerLokiPush(app, { next, limits: defaultLimits, clock, report, paths: lokiPushPaths });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as { port: number };
  host = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function found(query: string): Promise<[labels: Record<string, string>, line: string][]> {
  const answer = await fetch(`${host}/loki/api/v1/query_range?${new URLSearchParams({ query })}`);
  const { data } = (await answer.json()) as {
    data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
  };
  return data.result.flatMap(({ stream, values }) =>
    values.map(([, line]): [Record<string, string>, string] => [stream, line]),
  );
}

test("pino-loki", async () => {
  const stream = pinoLoki({
    host,
    labels: { app: "pino-app" },
    batching: { interval: 1 },
    silenceErrors: false,
  });
  const logger = pino({ level: "debug" }, stream);
  for (let i = 0; i < 20; i++) logger.info({ i, user: { id: i } }, `request ${i} "done"`);
  logger.error(new Error("it broke"), "failed");
  stream.end();
  await expect
    .poll(() => found('{app="pino-app"}'), { timeout: 15_000, interval: 100 })
    .toHaveLength(21);
  const parsed = await found('{app="pino-app"} | json | user_id="7" | line_format "{{.msg}}"');
  expect(parsed.map(([, line]) => line)).toEqual(['request 7 "done"']);
  const errors = await found('{app="pino-app"} |= "it broke"');
  expect(errors).toHaveLength(1);
});

for (const json of [true, false])
  test(`winston-loki, ${json ? "JSON" : "protobuf"}`, async () => {
    const name = `winston-${json}`;
    const transport = new LokiTransport({
      host,
      json,
      labels: { app: name },
      batching: false,
      gracefulShutdown: false,
    });
    const logger = createLogger({ transports: [transport] });
    for (let i = 0; i < 5; i++) logger.info(`line ${i}`, { labels: { part: "a" } });
    logger.error("bad thing");
    await expect
      .poll(() => found(`{app="${name}"}`), { timeout: 15_000, interval: 100 })
      .toHaveLength(6);
    const lines = await found(`{app="${name}", part="a"} |= "line 3"`);
    expect(lines.map(([labels]) => labels)).toMatchObject([
      { app: name, level: "info", part: "a", service_name: name },
    ]);
    expect(
      (await found(`{app="${name}"} | detected_level="error"`)).map(([, line]) => line),
    ).toEqual([expect.stringContaining("bad thing")]);
    logger.close();
  });
