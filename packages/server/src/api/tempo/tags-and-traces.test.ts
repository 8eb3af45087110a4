/** Tags, whole traces and what a data source asks of the server itself. */
import { defaultLimits } from "@triptych/model";
import { decodeOtlpTraces, drain } from "@triptych/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { traceIdOf } from "../../store/clickhouse/select/testing.ts";
import { openTempo, type TempoForTests } from "./tempo-for-tests.ts";

let tempo: TempoForTests;
beforeAll(async () => {
  tempo = await openTempo();
});
afterAll(() => tempo.close());

const get: TempoForTests["get"] = (...asked) => tempo.get(...asked);

describe("tags", () => {
  test("names", async () => {
    const one = (await get("/api/search/tags")).json();
    expect(one.tagNames).toContain("http.method");
    const two = (await get("/api/v2/search/tags")).json();
    const scopes = Object.fromEntries(
      two.scopes.map(({ name, tags }: { name: string; tags: string[] }) => [name, tags]),
    );
    expect(scopes).toMatchObject({ resource: ["service.name"], event: ["e"] });
    expect(scopes["span"]).toEqual([
      "b",
      "code",
      "db.system",
      "f",
      "http.method",
      "list",
      "n",
      "single",
      "user",
    ]);
    expect(scopes["intrinsic"]).toContain("trace:rootService");
    const filtered = (
      await get("/api/v2/search/tags", { scope: "span", q: '{ name = "insert" && .x = }' })
    ).json();
    expect(filtered.scopes).toEqual([{ name: "span", tags: ["db.system"] }]);
    expect((await get("/api/v2/search/tags", { scope: "x" })).status).toBe(400);
  });
  const values = (path: string, q: string, want: unknown) =>
    test(`${path} ${q}`, async () =>
      expect((await get(path, q === "" ? {} : { q })).json().tagValues).toEqual(want));
  const string = (...list: string[]) => list.map((value) => ({ type: "string", value }));
  values("/api/search/tag/service.name/values", "", ["cart", "db", "late", "shop", "typed"]);
  values("/api/search/tag/status/values", "", ["error", "ok", "unset"]);
  values("/api/v2/search/tag/resource.service.name/values", "{ status = error }", string("cart"));
  values("/api/v2/search/tag/.code/values", "", [{ type: "int", value: "200" }]);
  values("/api/v2/search/tag/span.b/values", "", [{ type: "bool", value: "true" }]);
  values("/api/v2/search/tag/span.list/values", "", string("x", "y"));
  values(
    "/api/v2/search/tag/name/values",
    '{ resource.service.name = "late" }',
    string("below", "orphan"),
  );
  values(
    "/api/v2/search/tag/status/values",
    "",
    ["error", "ok", "unset"].map((value) => ({ type: "keyword", value })),
  );
  values("/api/v2/search/tag/rootServiceName/values", "", string("shop", "typed"));
  values("/api/v2/search/tag/event:name/values", "", string("log"));

  test("a limit counts values, and not what spans lack", async () => {
    for (const tag of ["span.http.method", "span.db.system", "rootServiceName", "span.user"]) {
      const answer = await get(`/api/v2/search/tag/${tag}/values`, { limit: 1 });
      expect(answer.json().tagValues, tag).toHaveLength(1);
    }
  });
});

describe("traces", () => {
  test("JSON", async () => {
    const one = (await get(`/api/traces/${traceIdOf(1)}`)).json();
    expect(one.batches).toHaveLength(3);
    expect(one.batches[0].scopeSpans[0].spans[0]).toMatchObject({
      name: "GET /",
      kind: "SPAN_KIND_SERVER",
      spanId: "AAAAAAAAAAE=",
    });
    const two = (await get(`/api/v2/traces/9`)).json();
    const span = two.trace.resourceSpans[0].scopeSpans[0].spans[0];
    expect(span.attributes).toContainEqual({ key: "n", value: { intValue: "9007199254740993" } });
  });

  test("protobuf is OTLP", async () => {
    const answer = await get(`/api/traces/${traceIdOf(9)}`, {}, { accept: "application/protobuf" });
    expect(answer.type).toBe("application/protobuf");
    const { batch } = drain(
      decodeOtlpTraces(new Uint8Array(answer.raw), "protobuf", { limits: defaultLimits }),
    );
    expect(batch.rows).toBe(1);
    const v2 = await get(`/api/v2/traces/${traceIdOf(9)}`, {}, { accept: "application/protobuf" });
    expect(v2.raw.subarray(-answer.raw.length).equals(answer.raw)).toBe(true);
  });

  test("what is not there", async () => {
    expect((await get("/api/traces/abc")).status).toBe(404);
    expect((await get("/api/v2/traces/abc")).status).toBe(404);
    expect((await get("/api/traces/xyz")).status).toBe(400);
    expect((await get(`/api/traces/${traceIdOf(1)}`, { start: 5, end: 6 })).status).toBe(404);
  });
});

test("status", async () => {
  expect((await get("/api/echo")).text).toBe("echo\n");
  expect((await get("/ready")).text).toBe("ready\n");
  expect((await get("/api/status/buildinfo")).json().version).toMatch(/^\d/);
  for (const path of ["/api/overrides", "/status", "/status/version", "/status/services"])
    expect((await get(path)).status).toBe(200);
});
