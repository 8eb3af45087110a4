import type {
  DifferenceAnswer,
  OperationsAnswer,
  SearchSuggestions,
  ServicesAnswer,
  TraceAnswer,
  TraceHeatAnswer,
  TracesAnswer,
  UsualAnswer,
} from "@triptych/contract";
import { TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import {
  openTestStore,
  otlpOf,
  spanIdOf,
  type TestSpan,
  type TestStore,
  traceIdOf,
} from "../../store/clickhouse/select/testing.ts";
import { registerJaegerApi } from "../jaeger/jaeger.ts";
import { registerOwnTraces } from "./traces.ts";

const nowMs = 1_700_000_000_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now(), after: () => () => {} };
let store: TestStore;
let app: FastifyInstance;

beforeAll(async () => {
  store = await openTestStore();
  app = createHttpServer({
    report: (error) => {
      throw error;
    },
  });
  registerOwnTraces(app, { engine: store.engine, clock, prefix: "/api/triptych" });
  registerJaegerApi(app, { engine: store.engine, clock, prefix: "/jaeger" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function ok<T>(path: string): Promise<T> {
  const answer = await app.inject({ url: `/api/triptych${path}` });
  expect(answer.json()).not.toHaveProperty("error");
  return answer.json() as T;
}
const query = (values: { readonly [name: string]: string | number }): string =>
  new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)])).toString();

describe("a shop of 40 traces", () => {
  const fromMs = nowMs - 400_000;
  const toMs = nowMs - 200_000;
  const range = { from: fromMs, to: toMs };
  const slow = (n: number): boolean => n % 10 === 9;
  const trace = (n: number): TestSpan[] => {
    const base = { trace: 1000 + n, resource: { region: n % 2 === 0 ? "eu" : "us" } };
    const startMs = fromMs + n * 5_000;
    const ms = slow(n) ? 3_000 : 100;
    return [
      {
        ...base,
        id: n * 10 + 1,
        service: "gateway",
        name: "GET /buy",
        startMs,
        durationMs: ms + 20,
        kind: 2,
      },
      {
        ...base,
        id: n * 10 + 2,
        parent: n * 10 + 1,
        service: "gateway",
        name: "POST",
        startMs: startMs + 10,
        durationMs: ms + 5,
        kind: 3,
      },
      {
        ...base,
        id: n * 10 + 3,
        parent: n * 10 + 2,
        service: "payment",
        name: "POST /pay",
        startMs: startMs + 12,
        durationMs: ms,
        kind: 2,
        tags: { "card.issuer": slow(n) ? "acme" : "other", n: String(n) },
        ...(n === 9 ? { error: "declined" } : {}),
      },
    ];
  };
  beforeAll(async () => {
    await store.add(otlpOf(Array.from({ length: 40 }, (_, n) => trace(n)).flat()));
  });

  describe("searches", () => {
    const check = (search: string, want: number) =>
      test(search, async () => {
        const answer = await ok<TracesAnswer>(`/traces?${query({ ...range, search, limit: 500 })}`);
        expect([answer.total, answer.traces.length]).toEqual([want, want]);
      });
    check("service: payment", 40);
    check("duration > 2s and service: gateway", 4);
    check("card.issuer: acme and region: us", 4);
    check("declined", 1);
    check("status: error or card_issuer: ACME", 1);
    check("name: POST* and not kind: server", 40);
    check("service: nobody", 0);

    test("a mistake is told with its place", async () => {
      for (const path of ["/traces", "/traces/heat", "/traces/difference"]) {
        const url = `/api/triptych${path}?${query({ ...range, search: "duration > fast" })}`;
        const answer = await app.inject({ url });
        expect([answer.statusCode, answer.json().error]).toMatchObject([
          400,
          { code: "query_invalid", offset: 11 },
        ]);
      }
    });
    const suggested = (search: string, want: readonly string[]) =>
      test(`suggested: ${search}`, async () => {
        const answer = await ok<SearchSuggestions>(
          `/traces/suggest?${query({ ...range, search })}`,
        );
        expect(answer.options).toEqual(want);
      });
    suggested("service: ", ["gateway", "payment"]);
    suggested("card.", ["card.issuer"]);
    suggested("card.issuer: a", ["acme"]);
    suggested("name: ", ['"GET /buy"', "POST", '"POST /pay"']);
    suggested("status: e", ["error", "unset"]);
  });

  test("services", async () => {
    const answer = await ok<ServicesAnswer>(`/services?${query(range)}`);
    expect(answer.services.map(({ name, requests, errors }) => [name, requests, errors])).toEqual([
      ["gateway", 40, 0],
      ["payment", 40, 1],
    ]);
    expect(answer.services[1]?.p50Ns).toBe(100e6);
    expect(answer.services[1]?.p99Ns).toBe(3_000e6);
    expect(answer.rowsRead).toBeGreaterThan(0);
  });

  test("operations", async () => {
    const answer = await ok<OperationsAnswer>(
      `/operations?${query({ ...range, service: "gateway" })}`,
    );
    expect(answer.operations).toEqual([
      { name: "GET /buy", spans: 40 },
      { name: "POST", spans: 40 },
    ]);
  });

  test("a trace in the list", async () => {
    const answer = await ok<TracesAnswer>(`/traces?${query({ ...range, status: "error" })}`);
    expect(answer.total).toBe(1);
    expect(answer.traces).toEqual([
      {
        traceId: traceIdOf(1009),
        rootService: "gateway",
        rootName: "GET /buy",
        rootMissing: false,
        startNs: `${fromMs + 45_000}000000`,
        durationNs: 3_020e6,
        spans: 3,
        errors: 1,
        errorMessage: "declined",
        selfTime: [
          { service: "payment", selfNs: 3_000e6 },
          { service: "gateway", selfNs: 20e6 },
        ],
      },
    ]);
  });

  const list = (
    values: { readonly [name: string]: string | number },
    want: readonly number[],
    total = want.length,
  ) =>
    test(`list ${query(values)}`, async () => {
      const answer = await ok<TracesAnswer>(`/traces?${query({ ...range, ...values })}`);
      expect(answer.traces.map(({ traceId }) => Number.parseInt(traceId, 16) - 1000)).toEqual(want);
      expect(answer.total).toBe(total);
    });
  list({ limit: 3 }, [39, 38, 37], 40);
  list({ limit: 3, sort: "duration" }, [39, 29, 19], 40);
  list({ minDurationMs: 3_000, service: "payment" }, [39, 29, 19, 9]);
  list({ service: "payment", maxDurationMs: 99 }, []);
  list({ attr: "span.n=17" }, [17]);
  list({ attr: "any.n=17" }, [17]);
  list({ attr: "resource.n=17" }, []);
  list({ attr: "span.n=~1[67]" }, [17, 16]);
  list({ attr: "span.n=~1", limit: 5 }, [1]);
  list({ attr: 'span."card.issuer"=acme' }, [39, 29, 19, 9]);
  list({ attr: "span.card.issuer!=other", service: "payment" }, [39, 29, 19, 9]);
  list({ attr: "span.card.issuer!~o.*", service: "payment" }, [39, 29, 19, 9]);
  list({ attr: "span.n=", service: "payment" }, []);
  list({ operation: "POST /pay", attr: "resource.region=us", limit: 2 }, [39, 37], 20);

  test("heat map", async () => {
    const answer = await ok<TraceHeatAnswer>(`/traces/heat?${query({ ...range, columns: 10 })}`);
    expect(answer.from).toBe(fromMs);
    expect(answer.stepMs).toBe(20_000);
    expect(answer.cells).toHaveLength(10);
    const counts = answer.cells.flat();
    expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBe(40);
    expect(counts.reduce((sum, [, , errors]) => sum + errors, 0)).toBe(1);
    expect(answer.boundsNs).toEqual([1e8, 2e8, 5e8, 1e9, 2e9]);
    expect(answer.cells[2]).toEqual([
      [0, 3, 0],
      [4, 1, 1],
    ]);
    const some = await ok<TraceHeatAnswer>(
      `/traces/heat?${query({ ...range, columns: 10, attr: "span.n=9" })}`,
    );
    expect(some.cells.flat()).toEqual([[0, 1, 1]]);
    const none = await ok<TraceHeatAnswer>(`/traces/heat?${query({ ...range, service: "none" })}`);
    expect(none.cells.flat()).toEqual([]);
  });

  test("difference", async () => {
    const box = { boxFrom: fromMs, boxTo: toMs, boxMinMs: 1_000, boxMaxMs: 10_000 };
    const answer = await ok<DifferenceAnswer>(`/traces/difference?${query({ ...range, ...box })}`);
    expect([answer.inside, answer.outside]).toEqual([4, 36]);
    expect(answer.values[0]).toMatchObject({
      key: "card.issuer",
      value: "acme",
      insideShare: 1,
      outsideShare: 0,
    });
    expect(answer.values.find(({ key }) => key === "region")).toMatchObject({
      value: "us",
      insideShare: 1,
      outsideShare: 16 / 36,
    });
  });

  test("usual durations", async () => {
    const answer = await ok<UsualAnswer>(
      `/traces/usual?${query({ ...range, service: "payment", operation: "POST /pay" })}`,
    );
    expect(answer.spans).toBe(40);
    expect(answer.p50Ns).toBe(100e6);
    expect(answer.counts.reduce((sum, count) => sum + count, 0)).toBe(40);
    expect(answer.counts[0]).toBe(36);
    expect(answer.counts.at(-1)).toBe(4);
    expect(answer.boundsNs[0]).toBeLessThanOrEqual(100e6);
    const none = await ok<UsualAnswer>(
      `/traces/usual?${query({ ...range, service: "x", operation: "y" })}`,
    );
    expect(none).toMatchObject({ spans: 0, p50Ns: 0, boundsNs: [], counts: [] });
  });

  test("a trace whole", async () => {
    const answer = await ok<TraceAnswer>(`/traces/${traceIdOf(1009)}`);
    expect(answer).toMatchObject({
      traceId: traceIdOf(1009),
      startNs: `${fromMs + 45_000}000000`,
      durationNs: 3_020e6,
      scopes: [{ name: "test", version: "" }],
      marks: [],
    });
    expect(answer.resources.map(({ service }) => service)).toEqual(["gateway", "payment"]);
    expect(answer.spans[2]).toEqual({
      spanId: spanIdOf(93),
      parentSpanId: spanIdOf(92),
      name: "POST /pay",
      service: "payment",
      kind: "server",
      status: "error",
      statusMessage: "declined",
      offsetNs: 12e6,
      durationNs: 3_000e6,
      attributes: [
        ["card.issuer", "string", "acme"],
        ["n", "string", "9"],
      ],
      resource: 1,
      scope: 0,
      events: [],
      links: [],
    });
  });

  test("spans that come later and twice", async () => {
    const late: TestSpan = {
      trace: 1009,
      id: 94,
      parent: 91,
      service: "audit",
      startMs: fromMs + 90_000_000,
      durationMs: 1,
    };
    await store.add(otlpOf([late]));
    await store.add(otlpOf([late, ...trace(9)]));
    const answer = await ok<TraceAnswer>(`/traces/${traceIdOf(1009).toUpperCase()}`);
    expect(answer.spans.map(({ service }) => service)).toEqual([
      "gateway",
      "gateway",
      "payment",
      "audit",
    ]);
  });

  const refused = (path: string, code: string, message: RegExp) =>
    test(`refuses ${path}`, async () => {
      const { error } = (await app.inject({ url: `/api/triptych${path}` })).json();
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
    });
  refused("/traces/abc0", "not_found", /no span of trace 0{28}abc0/);
  refused("/traces/xyz", "query_invalid", /"xyz" is not a trace id/);
  refused("/traces?from=yesterday", "query_invalid", /"from" is "yesterday", not a number/);
  refused("/traces?from=10&to=5", "query_invalid", /from=10 to=5 is empty/);
  refused("/traces?sort=name", "query_invalid", /"sort" is "name", not one of time, duration/);
  refused("/traces?limit=0", "query_invalid", /"limit" is "0"/);
  refused("/traces?attr=span.a", "query_invalid", /has none of the operators/);
  refused("/traces?attr=place.a%3Db", "query_invalid", /has none of the scopes/);
  refused("/traces?attr=span.a%3D~(", "query_invalid", /regular expression "\("/);
  refused("/traces?service=a&service=b", "query_invalid", /"service" is given more than once/);
  refused("/traces/usual?service=a", "query_invalid", /"operation" is missing/);
});

describe("what was sent is data, whatever it contains", () => {
  const payloads = [
    "'",
    "''",
    '"',
    "`",
    "\\",
    "\\\\",
    "\\'",
    "\\'; DROP TABLE otel_traces; --",
    "' OR 1=1 --",
    "') OR ('1'='1",
    "'; SELECT 1; --",
    "/* */",
    "*/ OR 1 /*",
    "--",
    "#",
    "$$",
    "$tag$ x $tag$",
    "$a$' OR 1 --$a$",
    "{p0:String}",
    "{p0:Identifier}",
    "${1}",
    "%",
    "%27",
    "_",
    "\u0000",
    "a\u0000b",
    "\n",
    "a\nb",
    "\t",
    "\r\n",
    "\u2019 OR 1=1",
    "＇",
    "\u202e",
    "😀",
    "é",
    "e\u0301",
    "\\x27",
    "\\0",
    "\\N",
    "NULL",
    "file('/etc/passwd')",
    "INTO OUTFILE '/tmp/x'",
    "a]b",
    "[a",
    "('a','b')",
    "x".repeat(3_000),
    "__proto__",
    "constructor",
    "\ud83d\ude00'\u0000\\",
  ];
  const startMs = nowMs - 50_000;
  const range = { from: startMs - 1_000, to: nowMs };
  const trace = (i: number): string => (0xbad0000 + i).toString(16).padStart(32, "0");

  beforeAll(async () => {
    await store.add(
      otlpOf(
        payloads.map((payload, i) => ({
          trace: trace(i),
          id: 1,
          service: payload,
          name: payload,
          startMs: startMs + i,
          durationMs: 1,
          tags: { [payload]: payload, value: payload },
          resource: { host: payload },
        })),
      ),
    );
  });

  const ids = async (values: { readonly [name: string]: string | number }): Promise<string[]> =>
    (await ok<TracesAnswer>(`/traces?${query({ ...range, ...values })}`)).traces.map(
      ({ traceId }) => traceId,
    );
  const jaegerIds = async (values: { readonly [name: string]: string }): Promise<string[]> => {
    const params = new URLSearchParams({
      start: `${range.from}000`,
      end: `${range.to}000`,
      ...values,
    });
    const { data } = (await app.inject({ url: `/jaeger/api/traces?${params}` })).json();
    return data.map(({ traceID }: { traceID: string }) => traceID.padStart(32, "0"));
  };

  for (const [i, payload] of payloads.entries()) {
    test(JSON.stringify(payload.slice(0, 40)), async () => {
      const want = [trace(i)];
      const tags = JSON.stringify(Object.fromEntries([[payload, payload]]));
      const found = await Promise.all([
        ids({ service: payload }),
        ids({ operation: payload }),
        ids({ attr: `span.value=${payload}` }),
        ids({ attr: `any.${JSON.stringify(payload)}=${payload}` }),
        ids({ attr: `resource.host=${payload}` }),
        jaegerIds({ service: payload, operation: payload, tags }),
      ]);
      expect(found).toEqual(found.map(() => want));
      const others = await ids({ attr: `span.value!=${payload}`, limit: 500 });
      expect(new Set(others)).toEqual(
        new Set(payloads.map((_, other) => trace(other)).filter((id) => id !== trace(i))),
      );
      expect(await jaegerIds({ service: payload, tags: '{"value":"other"}' })).toEqual([]);
      const { spans } = await ok<TraceAnswer>(`/traces/${trace(i)}`);
      expect(spans[0]).toMatchObject({ name: payload, service: payload });
      expect(spans[0]?.attributes).toEqual([
        [payload, "string", payload],
        ["value", "string", payload],
      ]);
    });
  }

  test("all services are still there", async () => {
    const answer = await ok<ServicesAnswer>(`/services?${query(range)}`);
    expect(new Set(answer.services.map(({ name }) => name))).toEqual(new Set(payloads));
  });
});

test("a query stops when its client goes away", async () => {
  let tell: (signal: AbortSignal) => void = () => {};
  const asked = new Promise<AbortSignal>((resolve) => {
    tell = resolve;
  });
  const lonely = createHttpServer({ report: () => {} });
  const engine: Engine = {
    ...store.engine,
    select: (_query, options) =>
      new Promise((_, reject) => {
        const { signal } = options ?? {};
        if (signal === undefined) throw new Error("a query without a signal");
        signal.addEventListener("abort", () =>
          reject(new TriptychError("query_cancelled", "gone")),
        );
        tell(signal);
      }),
  };
  registerOwnTraces(lonely, { engine, clock, prefix: "" });
  await lonely.listen({ port: 0, host: "127.0.0.1" });
  const { port } = lonely.server.address() as { port: number };
  const client = new AbortController();
  const answer = fetch(`http://127.0.0.1:${port}/services`, { signal: client.signal });
  const signal = await asked;
  expect(signal.aborted).toBe(false);
  const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve));
  client.abort();
  await expect(answer).rejects.toThrow();
  await stopped;
  await lonely.close();
});

test("a trace of many spans comes in pieces and whole", async () => {
  const startMs = nowMs - 10_000_000;
  const many = Array.from({ length: 5_000 }, (_, i) => ({
    trace: "fe".repeat(16),
    id: i + 1,
    service: "many",
    startMs: startMs + i,
    durationMs: 10,
    tags: { text: `value ${i} of this span`.repeat(4) },
  }));
  await store.add(otlpOf(many));
  const answer = await ok<TraceAnswer>(`/traces/${"fe".repeat(16)}`);
  expect(answer.spans).toHaveLength(5_000);
  expect(answer.spans[4_999]?.offsetNs).toBe(4_999e6);
  expect(answer.durationNs).toBe(5_009e6);
  expect(answer.resources).toHaveLength(1);
});
