import { gzipSync } from "node:zlib";
import { Client } from "@elastic/elasticsearch";
import { defaultLimits, type LogBatch, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { registerElasticsearch } from "./http.ts";

const bugs: TriptychError[] = [];
let next: RecordingNext;
let app: FastifyInstance;
let url = "";

beforeEach(async () => {
  bugs.length = 0;
  next = createRecordingNext(defaultLimits.inFlightBytesMax);
  const report = (error: TriptychError) => void bugs.push(error);
  app = createHttpServer({ report });
  const deps = { next, limits: defaultLimits, clock: realClock, report };
  registerElasticsearch(app, { ...deps, prefix: "" });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
  app.server.closeAllConnections();
  await app.close();
  expect(next.heldBytes).toBe(0);
  expect(bugs).toEqual([]);
});

/** Body, level and attributes of all records that arrived. */
function records(): { body: string; level: string; index: string; timeNs: bigint }[] {
  return (next.batches as LogBatch[]).flatMap((batch) =>
    Array.from({ length: batch.rows }, (_, row) => {
      const key = Array.from({ length: batch.keys.size }, (_, id) => id).find(
        (id) => batch.keys.text(id) === "elasticsearch.index",
      );
      const at = batch.attributes.find(row, key ?? -1);
      return {
        body: batch.body.text(row),
        level: batch.strings.text(batch.severityText[row] as number),
        index: at < 0 ? "" : batch.attributes.values.text(at),
        timeNs: batch.timeNs[row] as bigint,
      };
    }),
  );
}

async function send(path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) {
  const answer = await fetch(url + path, {
    method: "POST",
    body,
    headers: { "content-type": "application/x-ndjson", ...headers },
  });
  // biome-ignore lint/suspicious/noExplicitAny: the answer is what is tested.
  return { status: answer.status, headers: answer.headers, json: (await answer.json()) as any };
}

const lines = (...values: (object | string)[]): string =>
  values.map((value) => `${typeof value === "string" ? value : JSON.stringify(value)}\n`).join("");

describe("bulk", () => {
  test("each operation gets its own answer", async () => {
    const { status, json } = await send(
      "/_bulk",
      lines(
        { index: { _index: "app-logs" } },
        { "@timestamp": "2024-01-02T03:04:05Z", message: "one", level: "INFO" },
        { create: { _index: "logs-app-default", _id: "7" } },
        { "@timestamp": "2024-01-02T03:04:06Z", message: "two" },
        { delete: { _index: "app-logs", _id: "1" } },
        { update: { _index: "app-logs", _id: "2" } },
        { doc: { message: "three" }, doc_as_upsert: true },
        { update: { _index: "app-logs", _id: "3" } },
        { doc: { message: "never" } },
        { index: { _index: "app-logs" } },
        '{"half":',
        { index: { _index: "Bad Name" } },
        { message: "x" },
      ),
    );
    expect(status).toBe(200);
    expect(json.errors).toBe(true);
    const outcome = json.items.map(
      (item: Record<string, { status: number; error?: { type: string } }>) =>
        Object.entries(item).map(
          ([action, { status, error }]) => `${action} ${status} ${error?.type ?? ""}`,
        )[0],
    );
    expect(outcome).toEqual([
      "index 201 ",
      "create 201 ",
      "delete 400 illegal_argument_exception",
      "update 201 ",
      "update 404 document_missing_exception",
      "index 400 document_parsing_exception",
      "index 400 invalid_index_name_exception",
    ]);
    expect(json.items[0].index).toMatchObject({ _index: "app-logs", result: "created" });
    expect(json.items[0].index._id).toHaveLength(20);
    expect(records().map(({ body }) => body)).toEqual(["one", "two", "three"]);
    expect(records()[0]).toMatchObject({ level: "INFO", index: "app-logs" });
    expect(next.discards.get("wire_malformed")).toBe(4);
  });

  test("the index of the address, CRLF, no last newline, gzip", async () => {
    const text =
      '{"index":{}}\r\n{"message":"a"}\r\n\r\n{"create":{"_type":"_doc"}}\r\n{"message":"b"}';
    const body = new Uint8Array(gzipSync(text));
    const { json } = await send("/idx/_bulk?filter_path=errors", body, {
      "content-encoding": "gzip",
    });
    expect(json).toEqual({ errors: false });
    expect(records().map(({ body, index }) => [body, index])).toEqual([
      ["a", "idx"],
      ["b", "idx"],
    ]);
  });

  test("a resend of records with times is stored once, of records without is not", async () => {
    const timed = lines(
      { index: { _index: "i" } },
      { "@timestamp": 1_704_164_645_000, message: "t" },
    );
    const first = await send("/_bulk", timed);
    const again = await send("/_bulk", timed);
    expect(again.json.items).toEqual(first.json.items);
    expect(records().length).toBe(1);
    const untimed = lines({ index: { _index: "i" } }, { message: "tick" });
    await send("/_bulk", untimed);
    await send("/_bulk", untimed);
    expect(records().length).toBe(3);
  });

  test("a full journal is 429 for the whole request", async () => {
    next.failure = new TriptychError("queue_full", "full");
    const body = lines({ index: { _index: "i" } }, { message: "x" });
    const { status, headers, json } = await send("/_bulk", body);
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("2");
    expect(json.error.type).toBe("es_rejected_execution_exception");
  });
});

describe("hostile bodies", () => {
  const check = (name: string, body: string, want: number, reason: string) =>
    test(name, async () => {
      const { status, json } = await send("/_bulk", body);
      expect(status).toBe(want);
      expect(JSON.stringify(json)).toContain(reason);
      expect(next.batches).toEqual([]);
    });
  const index = lines({ index: { _index: "i" } });
  check("an unknown action", lines({ erase: { _index: "i" } }, {}), 400, "but found");
  check("two actions", lines({ index: {}, create: {} }, {}), 400, "one action");
  check("an action that is no JSON", "{index}\n{}\n", 400, "not JSON");
  check("an action without a document", index, 400, "has no document");
  check("no operations", "\n\n\n", 400, "no requests added");
  check("nothing", "", 400, "required");
  check("no index", lines({ index: {} }, { message: "x" }), 400, "index is missing");
  check("an endless action", `{"index":{"_id":"${"x".repeat(20_000)}"}}\n{}\n`, 400, "bytes");
  check("a depth bomb", `${index}{"a":${"[".repeat(100_000)}\n`, 200, "nested deeper");
  check("an array", `${index}[]\n`, 200, "not a JSON object");
  check("a document too large", `${index}{"a":"${"x".repeat(2_100_000)}"}\n`, 200, "at most");

  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]));
  check("a hundred thousand members", `${index}${JSON.stringify(many)}\n`, 200, "more than 20000");

  test("ten thousand members, bad UTF-8 and a line of a megabyte", async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]));
    await send("/i/_bulk", lines({ index: {} }, { message: "many", ...many }));
    await send("/i/_bulk", lines({ index: {} }, { message: "x".repeat(1_000_000) }));
    const bad = Buffer.from('{"index":{}}\n{"message":"a?b"}\n');
    bad[bad.indexOf("?")] = 0xff;
    await send("/i/_bulk", new Uint8Array(bad));
    const bodies = records().map(({ body }) => body);
    expect(bodies.map((body) => body.length)).toEqual([4, defaultLimits.logLineBytesMax, 3]);
    expect(bodies[2]).toBe("a\ufffdb");
    expect((next.batches[0] as LogBatch).droppedAttributes[0]).toBeGreaterThan(9_700);
  });
});

describe("the official client", () => {
  const client = () => new Client({ node: url, maxRetries: 0 });

  test("greets, sets up and writes in bulk", async () => {
    const es = client();
    expect((await es.info()).version.number).toBe("9.2.0");
    expect(await es.ping()).toBe(true);
    expect((await es.cluster.health()).status).toBe("green");
    expect((await es.license.get()).license.status).toBe("active");
    expect(await es.indices.existsIndexTemplate({ name: "app" })).toBe(false);
    const template = { name: "app", index_patterns: ["app-*"] };
    expect((await es.indices.putIndexTemplate(template)).acknowledged).toBe(true);
    expect((await es.ilm.putLifecycle({ name: "p", policy: { phases: {} } })).acknowledged).toBe(
      true,
    );
    expect(await es.indices.exists({ index: "app-1" })).toBe(true);
    expect((await es.indices.create({ index: "app-1" })).index).toBe("app-1");
    const one = await es.index({ index: "app-1", document: { message: "single", level: "warn" } });
    expect(one.result).toBe("created");
    const result = await es.helpers.bulk({
      datasource: Array.from({ length: 2_000 }, (_, i) => ({
        "@timestamp": new Date(1_704_164_645_000 + i),
        message: `line ${i}`,
        level: "ERROR",
      })),
      onDocument: () => ({ create: { _index: "app-1" } }),
      flushBytes: 20_000,
      refreshOnCompletion: true,
    });
    expect(result).toMatchObject({ total: 2_000, successful: 2_000, failed: 0 });
    const found = records();
    expect(found.length).toBe(2_001);
    expect(found[0]).toMatchObject({ body: "single", level: "warn", index: "app-1" });
    const sorted = found.slice(1).sort((a, b) => Number(a.timeNs - b.timeNs));
    expect(sorted.map(({ body }) => body)).toEqual(
      Array.from({ length: 2_000 }, (_, i) => `line ${i}`),
    );
    await es.close();
  });

  test("learns of what is not supported", async () => {
    const es = client();
    await expect(es.search({ index: "x" })).rejects.toThrow("LogQL");
    const dropped: unknown[] = [];
    const result = await es.helpers.bulk({
      datasource: [{ message: "x" }],
      onDocument: () => ({ delete: { _index: "x", _id: "1" } }),
      onDrop: (doc) => void dropped.push(doc.error?.type),
    });
    expect(result.failed).toBe(1);
    expect(dropped).toEqual(["illegal_argument_exception"]);
    await es.close();
  });

  test("sniffs the address it already uses", async () => {
    const es = new Client({ node: url, sniffOnStart: true });
    await es.info();
    const { nodes } = await es.nodes.info({ metric: "http" });
    expect(Object.values(nodes)[0]?.http?.publish_address).toBe(url.slice("http://".length));
    await es.close();
  });
});

test("what shippers ask first is answered", async () => {
  const check = async (method: string, path: string, want: number) => {
    const answer = await fetch(url + path, { method });
    expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} ${want}`);
    expect(answer.headers.get("x-elastic-product")).toBe("Elasticsearch");
  };
  await check("HEAD", "/", 200);
  await check("GET", "/_license?human=false", 200);
  await check("GET", "/_xpack", 200);
  await check("GET", "/_nodes/http", 200);
  await check("GET", "/_nodes/_all/http", 200);
  await check("GET", "/_ilm/policy/filebeat", 404);
  await check("PUT", "/_ilm/policy/filebeat", 200);
  await check("HEAD", "/_index_template/filebeat-8.11.0", 404);
  await check("PUT", "/_index_template/filebeat-8.11.0", 200);
  await check("HEAD", "/_template/logstash", 404);
  await check("PUT", "/_template/logstash", 200);
  await check("GET", "/_data_stream/filebeat-8.11.0", 404);
  await check("PUT", "/_data_stream/filebeat-8.11.0", 200);
  await check("GET", "/_ingest/pipeline", 200);
  await check("PUT", "/_ingest/pipeline/p", 200);
  await check("HEAD", "/fluentd-2024.01.01", 200);
  await check("GET", "/_cat/health", 200);
  await check("GET", "/_cat/indices", 200);
  await check("POST", "/idx/_search", 501);
  await check("GET", "/idx/_count", 501);
  await check("GET", "/no/such/path/here", 400);
});

describe("filter_path", async () => {
  const { filterPath } = await import("./filter-path.ts");
  const answer = {
    errors: false,
    items: [{ index: { status: 201, _id: "a", error: { type: "t" } } }],
  };
  const check = (text: string, want: object) =>
    test(text, () => expect(filterPath(text)?.(answer)).toEqual(want));
  check("errors", { errors: false });
  check("errors,items.*.status", { errors: false, items: [{ index: { status: 201 } }] });
  check("items.*.err*.type", { items: [{ index: { error: { type: "t" } } }] });
  check("**.type", { items: [{ index: { error: { type: "t" } } }] });
  check("-items", { errors: false });
  check("nothing", {});
});
