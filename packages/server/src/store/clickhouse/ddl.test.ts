import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStatements, missingParts } from "./ddl.ts";
import { openEmbedded } from "./embedded.ts";
import type { Engine } from "./engine.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-ddl-"));
let engine: Engine;

beforeAll(async () => {
  engine = await openEmbedded({
    directory,
    readers: 1,
    queueMax: 10,
    memoryBytesMax: 2 ** 31,
    queryTimeoutMs: 10_000,
  });
  for (const ddl of createStatements({ database: "triptych", minFreeBytes: 1e6 }))
    await engine.execute(ddl);
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

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
