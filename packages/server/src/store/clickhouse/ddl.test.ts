import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestClock, openTestStore, type TestStore } from "../store-for-tests.ts";
import { missingParts } from "./ddl.ts";
import type { Engine } from "./engine.ts";

let store: TestStore;
let engine: Engine;

beforeAll(async () => {
  store = await openTestStore(createTestClock(1e12));
  engine = store.engine;
});
afterAll(() => store.close());

test("a new store lacks nothing", async () => {
  expect(await missingParts(engine, "triptych")).toEqual([]);
});
test("columns of an older store get the codecs of today", async () => {
  const old = "ALTER TABLE triptych.otel_traces MODIFY COLUMN `SpanAttributes` CODEC(ZSTD(1))";
  await engine.execute(old);
  const [statement = "", ...others] = await missingParts(engine, "triptych");
  expect(others).toEqual([]);
  expect(statement).toContain("MODIFY COLUMN `SpanAttributes` CODEC(ZSTD(3))");
  await engine.execute(statement);
  expect(await missingParts(engine, "triptych")).toEqual([]);
});
