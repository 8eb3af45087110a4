/** What a statement on a reader session must not be able to do, whatever slipped into it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStatements } from "./ddl.ts";
import { openEmbedded } from "./embedded.ts";
import type { Engine } from "./engine.ts";
import { f64, f64s, i64, type Sql, sql, text, texts, u64 } from "./sql.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-confined-"));
const secret = join(directory, "secret.txt");
const outfile = join(directory, "out.txt");
let engine: Engine;

beforeAll(async () => {
  writeFileSync(secret, "the secret\n");
  engine = await openEmbedded({
    directory,
    readers: 2,
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
    "histograms_1h",
    "histograms_5m",
    "metric_metadata",
    "otel_logs",
    "otel_traces",
    "otel_traces_trace_id_ts",
    "samples",
    "samples_1h",
    "samples_5m",
    "series",
    "state",
  ]);
});

describe("values come back as they went in", () => {
  const nasty = [
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\'; DROP TABLE otel_traces; --",
    "'; SELECT 1; --",
    "a\nb\tc\rd\be\ff\0g",
    "\\N",
    "\\x41\\u0041",
    "$tag$ x $tag$",
    "{p0:String}",
    "/* */ -- #",
    "\u2019\u02bc\uff07",
    "\u202e\ufeff\u0000",
    "\ud83d\ude80",
    '`"`',
    "[1,2]','",
    "NULL",
    "\u0001\u007f\u0080",
  ];
  const all = [
    ...nasty,
    ...nasty.map((text, i) => text + nasty[(i * 7 + 3) % nasty.length] + text),
  ];
  const one = async (query: Sql): Promise<string> => {
    const { blocks } = await engine.select(query);
    const column = blocks.find((block) => block.rows > 0)?.columns[0]?.data;
    return column?.kind === "text" ? column.text(0) : "";
  };
  for (const value of all) {
    test(JSON.stringify(value).slice(0, 60), async () => {
      expect(await one(sql`SELECT ${text(value)}`)).toBe(value);
      expect(await one(sql`SELECT ${texts(["x", value, "y"])}[2]`)).toBe(value);
    });
  }
  test("numbers", async () => {
    expect(await one(sql`SELECT toString(${u64("18446744073709551615")})`)).toBe(
      "18446744073709551615",
    );
    expect(await one(sql`SELECT toString(${i64("-9223372036854775808")})`)).toBe(
      "-9223372036854775808",
    );
    expect(await one(sql`SELECT toString(${f64(Number.NaN)})`)).toBe("nan");
    expect(await one(sql`SELECT toString(${f64(-Infinity)})`)).toBe("-inf");
    expect(await one(sql`SELECT toString(${f64(1e-7)})`)).toBe("1e-7");
    expect(await one(sql`SELECT toString(${f64s([0.5, 2])})`)).toBe("[0.5,2]");
  });
  test("bound queries run side by side", async () => {
    const slow = engine.select(
      sql`SELECT sleep(1) AS ${{ parts: ["a"], values: [] }} WHERE ${text("x")} = 'x'`,
    );
    const started = performance.now();
    await engine.select(sql`SELECT ${text("quick")}`);
    const quickMs = performance.now() - started;
    await slow;
    expect(quickMs).toBeLessThan(performance.now() - started);
  });
});
