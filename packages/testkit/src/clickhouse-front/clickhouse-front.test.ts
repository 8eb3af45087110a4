/** The official client against the front: what it relies on must hold, or tests of the remote driver mean nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClickhouseFront, startClickhouseFront } from "./clickhouse-front.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-front-"));
let front: ClickhouseFront;
let client: ClickHouseClient;

beforeAll(async () => {
  front = await startClickhouseFront({ directory, database: "there" });
  client = createClient({ url: front.url, compression: { request: false, response: false } });
});
afterAll(async () => {
  await client.close();
  await front.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("ping", async () => {
  expect(await client.ping()).toEqual({ success: true });
});

test("parameters are data, whatever they hold", async () => {
  const values = ["plain", "it's", "back\\slash", "tab\tnew\nline", "{p0:String}", "');--", "ä€"];
  const answer = await client.query({
    query: "SELECT {a:String} AS a, {n:UInt64} + 1 AS n, {list:Array(String)} AS list",
    query_params: { a: values.join("|"), n: 5, list: values },
    format: "JSONEachRow",
  });
  expect(await answer.json()).toEqual([{ a: values.join("|"), n: 6, list: values }]);
});

test("Native in and Native out", async () => {
  await client.command({
    query: "CREATE TABLE there.t (x UInt64, s String) ENGINE = MergeTree ORDER BY x",
  });
  const out = await client.exec({
    query: "SELECT number AS b_x, toString(number) AS b_s FROM numbers(1000) FORMAT Native",
  });
  await client.exec({
    query:
      "INSERT INTO there.t SELECT b_x AS x, b_s AS s FROM input('b_x UInt64, b_s String') FORMAT Native",
    values: out.stream,
  });
  expect(await front.query("SELECT count(), sum(x), max(s) FROM there.t")).toEqual([
    [1000, 499500, "999"],
  ]);
});

const refused = (name: string, query: string, code: string, database?: string) =>
  test(name, async () => {
    const other = database === undefined ? client : createClient({ url: front.url, database });
    await expect(other.command({ query })).rejects.toMatchObject({ code });
    if (other !== client) await other.close();
  });
refused("a syntax error is 62", "SELEC 1", "62");
refused("an unknown table is 60", "SELECT * FROM there.nowhere", "60");
refused("a missing database is 81, also while it is created", "CREATE DATABASE x", "81", "x");

test("faults come and go", async () => {
  const ask = () => client.command({ query: "SELECT 1" });
  for (const mode of ["refuse", "down"] as const) {
    await front.setFaults({ mode });
    await expect(ask(), mode).rejects.toThrow();
    await front.setFaults({ mode: "none" });
    await ask();
  }
  await front.setFaults({ mode: "hang" });
  const soon = AbortSignal.timeout(100);
  await expect(client.command({ query: "SELECT 1", abort_signal: soon })).rejects.toThrow();
  await front.setFaults({ mode: "none" });
  await front.setFaults({ dropAfterCommit: 1 });
  const insert =
    "INSERT INTO there.t SELECT 5000 AS x, 's' AS s FROM input('a UInt8') FORMAT Native";
  const one = await client.exec({ query: "SELECT toUInt8(1) AS a FORMAT Native" });
  await expect(client.exec({ query: insert, values: one.stream })).rejects.toThrow();
  const { dropped } = await front.setFaults({ dropAfterCommit: 0 });
  expect(dropped).toBe(1);
});
