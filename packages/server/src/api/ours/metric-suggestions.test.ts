import type { MetricSuggestionsAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  hostileTexts,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerOwnMetrics } from "./metrics.ts";

const T = 1_700_000_000_000;
const clock = createTestClock(T + 60_000);
let store: TestStore;
let app: FastifyInstance;

const one = (labels: { readonly [name: string]: string }) => ({
  labels,
  samples: [[T, 1]] as [number, number][],
});

beforeAll(async () => {
  store = await openTestStore(clock);
  const batch = samplesOf([
    one({ __name__: "requests_total", job: "shop", route: "/a" }),
    one({ __name__: "requests_total", job: "shop", route: "/b" }),
    one({ __name__: "requests_total", job: "till", route: "/c" }),
    one({ __name__: "rate_limit", zone: "x" }),
    one({ __name__: "my.metric", "my label": "y" }),
    ...hostileTexts.map((text, i) => one({ __name__: "hostile", v: text, i: String(i) })),
    ...Array.from({ length: 150 }, (_, i) => one({ __name__: `many_${i}` })),
  ]);
  batch.metadata.push(
    { family: "requests", type: "counter", unit: "", help: "All of them." },
    { family: "rate_limit", type: "gauge", unit: "", help: "" },
  );
  await store.put(batch);
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerOwnMetrics(app, { engine: store.engine, clock, prefix: "/api/triptych" });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function ask(params: { readonly [name: string]: string }) {
  const url = `/api/triptych/metrics/suggestions?${new URLSearchParams(params)}`;
  const answer = await app.inject({ url });
  return { status: answer.statusCode, body: answer.json<MetricSuggestionsAnswer>() };
}

/** The cursor is `|`: what an option replaces, and the first options. */
async function outcome(marked: string, range = {}): Promise<string> {
  const at = marked.indexOf("|");
  const query = marked.slice(0, at) + marked.slice(at + 1);
  const { status, body } = await ask({ query, at: String(at), ...range });
  if (status !== 200) return `${status}`;
  const { start, end, options } = body;
  return [`[${query.slice(start, end)}]`, ...options.slice(0, 4).map(({ text }) => text)].join(" ");
}

describe("what is listed", () => {
  const check = (marked: string, want: string) =>
    test(marked, async () => expect(await outcome(marked)).toBe(want));
  check("ra|", "[ra] rad rate range rate_limit");
  check("rate(req|", "[req] requests_total");
  check("metr|", '[metr] {"my.metric"}');
  check("|", "[] hostile many_0 many_1 many_10");
  check("requests_total{|}", "[] job route");
  check('requests_total{job="shop",|}', "[] route");
  check('{"my.metric", |}', '[] "my label"');
  check("sum by (r|) (rate(requests_total[5m]))", "[r] route");
  check("sum by (|) (nothing_known)", "[]");
  check("sum by (|", '[] i job "my label" route');
  check('requests_total{job="|"}', '[""] "shop" "till"');
  check('requests_total{job="t|"}', '["t"] "till"');
  check('requests_total{job="shop", route=|}', '[] "/a" "/b"');
  check('requests_total{job=~"s.*", route="|', '["] "/a" "/b"');
  check('requests_total{job=~"(", route="|', '["] "/a" "/b" "/c"');
  check("rate(requests_total[5|])", "[5] 5ms 5s 5m 5h");
  check("requests_total of|", "[of] offset");
});

test("metrics come with type and help, functions with signature and sentence", async () => {
  const { body } = await ask({ query: "req" });
  expect(body.options[0]).toEqual({
    kind: "metric",
    text: "requests_total",
    detail: "counter",
    doc: "All of them.",
  });
  const rate = (await ask({ query: "rate" })).body.options[0];
  expect(rate?.detail).toBe("rate(range range-vector)");
  expect(rate?.doc).toContain("per second");
});

test("values of any kind are written so that they can be read", async () => {
  const { body } = await ask({ query: 'hostile{v="' });
  expect(body.options.length).toBe(new Set(hostileTexts.filter((text) => text !== "")).size);
  for (const { text } of body.options) {
    const query = `hostile{v=${text}}`;
    expect((await ask({ query })).body.problem).toBeUndefined();
  }
});

test("a list is cut, and says so", async () => {
  const { body } = await ask({ query: "many_" });
  expect(body.options.length).toBe(100);
  expect(JSON.stringify(body)).toContain("only 100 of 150 names are listed");
});

test("what is wrong with the query is told with its place", async () => {
  expect((await ask({ query: "sum(up" })).body.problem).toEqual({
    message: expect.stringContaining("unclosed left parenthesis"),
    offset: 6,
  });
});

describe("times are those of Prometheus' API", () => {
  test("a day without series", async () =>
    expect(await outcome("req|", { start: "1000000", end: "1000060" })).toBe("[req]"));
  test("RFC 3339", async () =>
    expect(
      await outcome("req|", { start: "2023-11-14T00:00:00Z", end: "2023-11-15T00:00:00Z" }),
    ).toBe("[req] requests_total"));
  test("neither", async () => expect(await outcome("req|", { start: "soon" })).toBe("400"));
  test("empty", async () => expect(await outcome("req|", { start: "20", end: "10" })).toBe("400"));
});
