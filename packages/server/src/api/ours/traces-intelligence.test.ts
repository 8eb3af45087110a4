import type {
  ApiError,
  CriticalPathAnswer,
  DifferenceAnswer,
  TraceAnswer,
  TraceComparisonAnswer,
  TracesAnswer,
} from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
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

async function ok<T>(path: string, body?: object): Promise<T> {
  const answer = await app.inject({
    url: `/api/triptych${path}`,
    ...(body === undefined ? {} : { method: "POST" as const, payload: body }),
  });
  expect(answer.json()).not.toHaveProperty("error");
  return answer.json() as T;
}
const query = (values: { readonly [name: string]: string | number }): string =>
  new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)])).toString();

describe("what is different among 400 spans", () => {
  const fromMs = nowMs - 400_000;
  const range = { from: fromMs, to: nowMs - 200_000 };
  const bad = (n: number): boolean => n % 8 === 3;
  beforeAll(async () => {
    const spans = Array.from({ length: 200 }, (_, n): TestSpan[] => {
      const base = {
        trace: 5000 + n,
        resource: { "host.name": `h${n % 4}`, "service.version": bad(n) ? "2.0" : "1.9" },
      };
      const startMs = fromMs + n * 900;
      return [
        {
          ...base,
          id: 50_000 + n * 2,
          service: "web",
          name: "GET /",
          startMs,
          durationMs: bad(n) ? 900 : 50,
          kind: 2,
        },
        {
          ...base,
          id: 50_001 + n * 2,
          parent: 50_000 + n * 2,
          service: "pay",
          name: "POST /pay",
          startMs: startMs + 1,
          durationMs: bad(n) ? 800 : 20 + (n % 7),
          kind: 2,
          tags: {
            "card.issuer": bad(n) ? "acme" : `bank ${n % 3}`,
            "request.id": `r${n}`,
            even: String(n % 2 === 0),
          },
          ...(bad(n) ? { error: "declined" } : {}),
        },
      ];
    }).flat();
    const request = otlpOf(spans) as {
      resourceSpans: { scopeSpans: { spans: { attributes: object[] }[] }[] }[];
    };
    request.resourceSpans.forEach((resource, i) => {
      const n = i >> 1;
      resource.scopeSpans[0]?.spans[0]?.attributes.push({
        key: "payload.bytes",
        value: { intValue: String((bad(n) ? 9_000 : 100) + ((n * 37) % 90)) },
      });
    });
    await store.add(request);
  });
  const ask = (values: { readonly [name: string]: string | number }) =>
    ok<DifferenceAnswer>(`/traces/difference?${query({ ...range, ...values })}`);

  test("failed spans of a service", async () => {
    const answer = await ask({ service: "pay", pickStatus: "error" });
    expect(answer).toMatchObject({
      unit: "spans",
      inside: 25,
      outside: 175,
      compared: { inside: 25, outside: 175 },
    });
    const found = answer.values.slice(0, 3).map(({ scope, key, value }) => [scope, key, value]);
    expect(found).toContainEqual(["span", "card.issuer", "acme"]);
    expect(found).toContainEqual(["resource", "service.version", "2.0"]);
    expect(found).toContainEqual(["intrinsic", "statusMessage", "declined"]);
    const issuer = answer.values.find(({ key }) => key === "card.issuer");
    expect(issuer).toMatchObject({
      inside: 25,
      outside: 0,
      insideShare: 1,
      outsideShare: 0,
      lift: null,
      test: "fisher",
    });
    expect(issuer?.p).toBeLessThan(1e-20);
    expect(issuer?.pAdjusted).toBeGreaterThan(issuer?.p ?? 1);
    expect(answer.rarer[0]).toMatchObject({ key: "service.version", value: "1.9", inside: 0 });
    // Odd spans fail, so "even" differs; hosts follow from that as well; all of it less.
    expect(answer.values.findIndex(({ key }) => key === "even")).toBeGreaterThan(2);
    expect(answer.leftOut).toContainEqual({
      scope: "span",
      key: "request.id",
      reason: "ids",
      distinct: 200,
    });
    expect(answer.leftOut).toContainEqual({
      scope: "intrinsic",
      key: "status",
      reason: "selection",
      distinct: 2,
    });
    const [bytes, duration] = answer.numbers;
    expect([bytes?.key, duration?.key].sort()).toEqual(["duration", "payload.bytes"]);
    expect(answer.numbers.every(({ gap, pAdjusted }) => gap === 1 && pAdjusted < 1e-10)).toBe(true);
    expect(answer.numbers.find(({ key }) => key === "duration")).toMatchObject({
      scope: "intrinsic",
      insideMedian: 8e8,
    });
    expect(answer.examples.inside).toMatch(/^[0-9a-f]{32}$/);
  });

  test("slow ones above a quantile", async () => {
    const answer = await ask({ service: "pay", pickQuantile: 0.9 });
    expect(answer.inside).toBe(25);
    expect(answer.values[0]?.insideShare).toBe(1);
    expect(answer.numbers.map(({ key }) => key)).toEqual(["payload.bytes"]);
  });
  test("slow traces above a quantile", async () => {
    const answer = await ask({ unit: "traces", pickQuantile: 0.9 });
    expect(answer).toMatchObject({ unit: "traces", inside: 25, outside: 175 });
    expect(answer.values.find(({ key }) => key === "card.issuer")).toMatchObject({
      inside: 25,
      outside: 0,
    });
  });
  test("an attribute that was picked is not compared", async () => {
    const answer = await ask({ service: "pay", pickAttr: "span.card.issuer=acme" });
    expect(answer.inside).toBe(25);
    expect([...answer.values, ...answer.rarer].some(({ key }) => key === "card.issuer")).toBe(
      false,
    );
    expect(answer.leftOut).toContainEqual({
      scope: "span",
      key: "card.issuer",
      reason: "selection",
      distinct: 4,
    });
  });
  test("lists of traces and spans, in the body too", async () => {
    const traces = [3, 11, 19].map((n) => traceIdOf(5000 + n));
    const listed = await ask({ traceId: traces[0] ?? "" });
    expect(listed).toMatchObject({ unit: "traces", inside: 1, outside: 199 });
    const body = await ok<DifferenceAnswer>("/traces/difference", { ...range, traceId: traces });
    expect(body).toMatchObject({ unit: "traces", inside: 3, outside: 197 });
    expect(body.values[0]).toMatchObject({ inside: 3, insideShare: 1 });
    const spans = await ok<DifferenceAnswer>("/traces/difference", {
      ...range,
      service: "pay",
      spanId: [3, 11].map((n) => spanIdOf(50_001 + n * 2)),
    });
    expect(spans).toMatchObject({ unit: "spans", inside: 2, outside: 198 });
  });
  test("a box of spans", async () => {
    const box = { boxFrom: range.from, boxTo: range.to, boxMinMs: 500, boxMaxMs: 1000 };
    expect(await ask({ ...box, unit: "spans" })).toMatchObject({
      unit: "spans",
      inside: 50,
      outside: 350,
    });
  });
  test("against another range", async () => {
    const half = fromMs + 90_000;
    const answer = await ask({ service: "pay", from: half, baseFrom: fromMs, baseTo: half });
    expect(answer).toMatchObject({ unit: "spans", inside: 100, outside: 100 });
    expect(answer.values.every(({ pAdjusted }) => pAdjusted > 0.05)).toBe(true);
    const traces = await ask({ unit: "traces", from: half, baseFrom: fromMs, baseTo: half });
    expect(traces).toMatchObject({ unit: "traces", inside: 100, outside: 100 });
  });
  test("nothing inside", async () => {
    const answer = await ask({ pickService: "none" });
    expect(answer).toMatchObject({ inside: 0, outside: 400, values: [], numbers: [] });
  });

  const refused = (path: string, message: RegExp, body?: object) =>
    test(`refuses ${path || JSON.stringify(body)}`, async () => {
      const answer = await app.inject({
        url: `/api/triptych/traces/difference?${path}`,
        ...(body === undefined ? {} : { method: "POST" as const, payload: body }),
      });
      expect(answer.statusCode).toBe(400);
      expect((answer.json() as ApiError).error.message).toMatch(message);
    });
  refused("", /nothing is selected/);
  refused("pickQuantile=2", /"pickQuantile" is "2", not within 0 to 1/);
  refused("traceId=xyz", /"xyz" is not a trace id/);
  refused("spanId='", /is not a span id/);
  refused("baseFrom=5", /baseTo/);
  refused("pickStatus=bad", /not one of error, ok/);
  refused("pickAttr=a", /has none of the/);
  refused("", /not an id/, { traceId: [{}] });
  refused("", /more than 10000/, { traceId: Array.from({ length: 10_001 }, () => "a") });
  refused("", /not a JSON object/, [1]);
});

describe("comparison and critical path", () => {
  const startMs = nowMs - 100_000;
  const buy = (
    trace: number,
    at: number,
    payMs: number,
    extra: readonly TestSpan[] = [],
  ): TestSpan[] => [
    {
      trace,
      id: trace * 100 + 1,
      service: "web",
      name: "GET /buy",
      startMs: at,
      durationMs: payMs + 20,
      kind: 2,
    },
    {
      trace,
      id: trace * 100 + 2,
      parent: trace * 100 + 1,
      service: "pay",
      name: "POST /pay",
      startMs: at + 10,
      durationMs: payMs,
      kind: 2,
    },
    ...extra,
  ];
  beforeAll(async () => {
    const usual = Array.from({ length: 9 }, (_, n) =>
      buy(7100 + n, startMs - 10_000 + n * 100, 50 + n),
    );
    const slow = buy(7200, startMs, 950, [
      {
        trace: 7200,
        id: 720_003,
        parent: 720_002,
        service: "bank",
        name: "verify",
        startMs: startMs + 20,
        durationMs: 900,
        kind: 3,
        error: "timeout",
      },
    ]);
    await store.add(otlpOf([...usual.flat(), ...slow]));
  });

  test("two traces", async () => {
    const answer = await ok<TraceComparisonAnswer>(
      `/traces/${traceIdOf(7200)}/compare?with=${traceIdOf(7100)}`,
    );
    expect(answer.here).toMatchObject({
      traces: 1,
      service: "web",
      name: "GET /buy",
      durationNs: 970e6,
      spans: 3,
      failed: 1,
    });
    expect(answer.there).toMatchObject({ traceId: traceIdOf(7100), durationNs: 70e6, spans: 2 });
    expect(answer.rows.map(({ depth, service, parent }) => [depth, service, parent])).toEqual([
      [0, "web", -1],
      [1, "pay", 0],
      [2, "bank", 1],
    ]);
    expect(answer.rows[2]).toMatchObject({
      here: { spans: 1, failed: 1, criticalNs: 900e6, spanId: spanIdOf(720_003) },
    });
    expect(answer.rows[2]).not.toHaveProperty("there");
    expect(answer.finding).toBe(2);
    const gap = answer.rows.reduce(
      (sum, row) => sum + (row.here?.criticalNs ?? 0) - (row.there?.criticalNs ?? 0),
      0,
    );
    expect(gap).toBe(900e6);
  });
  test("beside the usual", async () => {
    const answer = await ok<TraceComparisonAnswer>(`/traces/${traceIdOf(7200)}/compare`);
    expect(answer.there).toMatchObject({
      traceId: "",
      traces: 9,
      durationNs: 74e6,
      name: "GET /buy",
    });
    expect(answer.rows[1]).toMatchObject({
      service: "pay",
      there: { traces: 9, durationNs: 54e6, spanId: "" },
    });
    expect(answer.finding).toBe(2);
  });
  test("nothing usual in the range", async () => {
    const answer = await ok<TraceComparisonAnswer>(
      `/traces/${traceIdOf(7200)}/compare?from=1&to=2`,
    );
    expect(answer.there.traces).toBe(0);
    expect(answer.finding).toBe(-1);
    expect(answer.rows).toHaveLength(3);
  });
  test("critical path", async () => {
    const answer = await ok<CriticalPathAnswer>(`/traces/${traceIdOf(7200)}/critical-path`);
    expect(
      answer.parts.map(({ service, fromNs, toNs }) => [service, fromNs / 1e6, toNs / 1e6]),
    ).toEqual([
      ["web", 0, 10],
      ["pay", 10, 20],
      ["bank", 20, 920],
      ["pay", 920, 960],
      ["web", 960, 970],
    ]);
    expect(answer.services[0]).toEqual({
      service: "bank",
      criticalNs: 900e6,
      selfNs: 900e6,
      spans: 1,
    });
  });
  test("what is not there", async () => {
    for (const path of ["compare?with=abc", "critical-path", "compare"]) {
      const answer = await app.inject({ url: `/api/triptych/traces/fff/${path}` });
      expect(answer.statusCode).toBe(404);
    }
  });
});

describe("clocks that disagree", () => {
  const at = nowMs - 50_000;
  beforeAll(async () => {
    const host = (name: string) => ({ "host.name": name });
    await store.add(
      otlpOf([
        {
          trace: 8000,
          id: 801,
          service: "web",
          startMs: at,
          durationMs: 100,
          kind: 3,
          resource: host("a"),
        },
        {
          trace: 8000,
          id: 802,
          parent: 801,
          service: "pay",
          startMs: at - 5_000,
          durationMs: 50,
          kind: 2,
          resource: host("b"),
        },
        {
          trace: 8000,
          id: 803,
          parent: 802,
          service: "pay",
          startMs: at - 4_990,
          durationMs: 10,
          resource: host("b"),
        },
        // The root of this one has not arrived.
        { trace: 8001, id: 812, parent: 811, service: "pay", startMs: at, durationMs: 50 },
        // And here somebody never set the clock.
        { trace: 8002, id: 821, service: "web", startMs: at, durationMs: 100 },
        {
          trace: 8002,
          id: 822,
          parent: 821,
          service: "pay",
          startMs: 1_000,
          durationMs: 50,
          kind: 2,
        },
      ]),
    );
  });
  const offsets = (answer: TraceAnswer) =>
    answer.spans.map(({ spanId, offsetNs, skewNs }) => [
      Number.parseInt(spanId, 16) - 0x320,
      offsetNs / 1e6,
      (skewNs ?? 0) / 1e6,
    ]);
  const trace = (path: string) => ok<TraceAnswer>(`/traces/${path}`);

  test("are corrected for display and marked", async () => {
    const answer = await trace(traceIdOf(8000));
    expect(answer.startNs).toBe(`${at}000000`);
    expect(answer.durationNs).toBe(100e6);
    expect(offsets(answer)).toEqual([
      [2, 25, 5025],
      [3, 35, 5025],
      [1, 0, 0],
    ]);
    expect(answer.marks).toEqual([
      "Clocks of hosts disagree: 2 spans are shown shifted, by up to 5.03 s.",
    ]);
  });
  test("are left as sent when asked", async () => {
    const answer = await trace(`${traceIdOf(8000)}?skew=off`);
    expect(answer.startNs).toBe(`${at - 5000}000000`);
    expect(offsets(answer)).toEqual([
      [2, 0, 0],
      [3, 10, 0],
      [1, 5000, 0],
    ]);
    expect(answer.marks).toEqual([]);
  });
  test("too far apart to be a clock", async () => {
    const answer = await trace(traceIdOf(8002));
    expect(answer.spans.some((span) => "skewNs" in span)).toBe(false);
    expect(answer.marks).toEqual([expect.stringMatching(/1 span is more than a day away/)]);
  });
  test("a root that has not arrived", async () => {
    expect((await trace(traceIdOf(8001))).rootMissing).toBe(true);
    expect((await trace(traceIdOf(8000))).rootMissing).toBe(false);
    const list = await ok<TracesAnswer>(`/traces?${query({ from: at - 1, to: at + 1 })}`);
    expect(
      list.traces.filter(({ rootMissing }) => rootMissing).map(({ traceId }) => traceId),
    ).toEqual([traceIdOf(8001)]);
  });

  interface JaegerSpan {
    readonly spanID: string;
    readonly startTime: number;
    readonly warnings: readonly string[] | null;
  }
  const jaeger = async (path: string): Promise<readonly JaegerSpan[]> => {
    const answer = await app.inject({ url: `/jaeger/api/traces/${path}` });
    return (answer.json() as { data: { spans: JaegerSpan[] }[] }).data[0]?.spans ?? [];
  };
  test("Jaeger's API shifts and warns", async () => {
    const spans = await jaeger(traceIdOf(8000));
    expect(spans.map(({ startTime, warnings }) => [startTime / 1000 - at, warnings])).toEqual([
      [25, ["This span's timestamps were adjusted by 5.025s"]],
      [35, ["This span's timestamps were adjusted by 5.025s"]],
      [0, null],
    ]);
    const raw = await jaeger(`${traceIdOf(8000)}?raw=true`);
    expect(raw.map(({ startTime, warnings }) => [startTime / 1000 - at, warnings])).toEqual([
      [-5000, null],
      [-4990, null],
      [0, null],
    ]);
    const [orphan] = await jaeger(traceIdOf(8001));
    expect(orphan?.warnings).toEqual([
      `parent span ID=${spanIdOf(811)} is not in the trace; skipping clock skew adjustment`,
    ]);
  });
  test("version 3 of it too", async () => {
    const find = async (path: string): Promise<string> =>
      (await app.inject({ url: `/jaeger/api/v3/traces/${path}` })).body;
    expect(await find(traceIdOf(8000))).toContain(`"startTimeUnixNano":"${at + 25}000000"`);
    expect(await find(traceIdOf(8000))).toContain("were adjusted by 5.025s");
    expect(await find(`${traceIdOf(8000)}?rawTraces=true`)).toContain(
      `"startTimeUnixNano":"${at - 5000}000000"`,
    );
  });
});

test("times of 1970 and 2262", async () => {
  await store.add(
    otlpOf([
      { trace: 8100, id: 8101, service: "old", startMs: 0.001, durationMs: 1 },
      { trace: 8101, id: 8102, service: "new", startMs: 9_223_300_000_000, durationMs: 1 },
    ]),
  );
  const first = await ok<TraceAnswer>(`/traces/${traceIdOf(8100)}`);
  expect([first.startNs, first.spans.length]).toEqual(["1000", 1]);
  const last = await ok<TraceAnswer>(`/traces/${traceIdOf(8101)}`);
  expect(last.startNs).toBe("9223300000000000000");
  const found = await ok<TracesAnswer>(
    `/traces?${query({ from: 0, to: 9_223_372_036_854, service: "new" })}`,
  );
  expect(found.traces).toHaveLength(1);
});
