/** What a statement on a reader session must not be able to do, whatever slipped into it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStatements } from "./ddl.ts";
import { openEmbedded } from "./embedded.ts";
import type { Engine } from "./engine.ts";
import { type Sql, sql } from "./sql.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-confined-"));
const secret = join(directory, "secret.txt");
const outfile = join(directory, "out.txt");
let engine: Engine;

beforeAll(async () => {
  writeFileSync(secret, "the secret\n");
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

/** Goes around the template tag: as if text from outside had become SQL. */
const smuggled = (text: string): Sql => ({ parts: [text], values: [] });

describe("refused", () => {
  const check = (text: string) =>
    test(text.slice(0, 60), async () => {
      await expect(engine.select(smuggled(text))).rejects.toThrow();
      expect(existsSync(outfile)).toBe(false);
    });
  check(`SELECT * FROM file('${secret}', 'LineAsString')`);
  check(`SELECT * FROM file('/etc/passwd', 'LineAsString')`);
  check("SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')");
  check("SELECT * FROM s3('http://127.0.0.1:9/b/k', 'LineAsString')");
  check("SELECT * FROM remote('127.0.0.1:9', system.one)");
  check("SELECT * FROM remoteSecure('127.0.0.1:9', system.one)");
  check("SELECT * FROM cluster('default', system.one)");
  check("SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')");
  check("SELECT * FROM postgresql('127.0.0.1:9', 'd', 't', 'u', 'p')");
  check("SELECT * FROM sqlite('/tmp/x.db', 't')");
  check("SELECT * FROM hdfs('hdfs://127.0.0.1:9/x', 'TSV')");
  check("SELECT * FROM executable('id', 'TSV', 'a String')");
  check("SELECT * FROM input('a String')");
  check(`INSERT INTO FUNCTION file('${outfile}', 'TSV', 'a String') VALUES ('x')`);
  check("INSERT INTO state (Kind) VALUES ('x')");
  check(`SELECT 1 INTO OUTFILE '${outfile}'`);
  check(`SELECT 1 into\n outfile '${outfile}'`);
  check("SET readonly = 0");
  check("SELECT 1 SETTINGS readonly = 0");
  check("SELECT 1 SETTINGS max_memory_usage = 0");
  check("SYSTEM SHUTDOWN");
  check("ATTACH TABLE x");
  check("CREATE TABLE triptych.x (a UInt8) ENGINE = Memory");
  check("CREATE USER mallory");
  check("DROP TABLE otel_traces");
  check("ALTER TABLE otel_traces DELETE WHERE 1");
  check("TRUNCATE TABLE otel_traces");
  check("SELECT 1; DROP TABLE otel_traces");
  check("BACKUP TABLE otel_traces TO File('/tmp/x')");
});

test("after all that the tables are there, and none that should not be", async () => {
  const { blocks } = await engine.select(
    sql`SELECT toString(name) FROM system.tables WHERE database = 'triptych' ORDER BY name`,
  );
  const found = blocks.flatMap((block) => {
    const names = block.columns[0]?.data;
    return names?.kind === "text"
      ? Array.from({ length: block.rows }, (_, row) => names.text(row))
      : [];
  });
  expect(found).toEqual([
    "exemplars",
    "histograms",
    "metric_metadata",
    "otel_logs",
    "otel_traces",
    "otel_traces_trace_id_ts",
    "samples",
    "series",
    "state",
  ]);
});
