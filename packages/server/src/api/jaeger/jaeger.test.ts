import { existsSync, readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { openTestStore, otlpOf, type TestStore } from "../../store/clickhouse/select/testing.ts";
import { parseGoDuration } from "./go-duration.ts";
import { registerJaegerApi } from "./jaeger.ts";

const fixtures = new URL(
  "../../../../../../shared/conformance/jaeger/internal/storage/integration/fixtures/",
  import.meta.url,
);
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
  registerJaegerApi(app, { engine: store.engine, clock, prefix: "/jaeger" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

/** The fixtures: OTLP JSON. */
interface OtlpValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly doubleValue?: number;
  readonly bytesValue?: string;
  readonly intValue?: string;
}
interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly OtlpAttribute[];
  readonly events?: readonly { readonly attributes?: readonly OtlpAttribute[] }[];
  readonly links?: readonly object[];
}
interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes?: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name?: string; readonly version?: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

/** What Jaeger answers. */
interface UiTag {
  readonly key: string;
  readonly value: unknown;
}
interface UiTrace {
  readonly traceID: string;
  readonly spans: readonly {
    readonly traceID: string;
    readonly spanID: string;
    readonly operationName: string;
    readonly startTime: number;
    readonly duration: number;
    readonly tags: readonly UiTag[];
    readonly logs: readonly { readonly fields: readonly UiTag[] }[];
    readonly references: readonly object[];
    readonly processID: string;
  }[];
  readonly processes: {
    readonly [id: string]: { readonly serviceName: string; readonly tags: readonly UiTag[] };
  };
}
interface Structured<T> {
  readonly data: T;
  readonly total: number;
  readonly errors: unknown;
}
type Traces = Structured<readonly UiTrace[]>;
/** A span of either side, in the terms that are compared. */
interface Compared {
  readonly traceID: string;
  readonly spanID: string;
  readonly [field: string]: unknown;
}

async function get<T = unknown>(path: string): Promise<{ status: number; body: T }> {
  const answer = await app.inject({ url: `/jaeger/api${path}` });
  return { status: answer.statusCode, body: answer.json() };
}

interface FixtureQuery {
  readonly Caption: string;
  readonly Query: {
    readonly ServiceName: string;
    readonly OperationName: string;
    readonly Tags: { readonly [key: string]: unknown } | null;
    readonly StartTimeMin: string;
    readonly StartTimeMax: string;
    readonly DurationMin: number;
    readonly DurationMax: number;
    readonly NumTraces: number;
  };
  readonly ExpectedFixtures: readonly string[];
}

const microsOf = (iso: string): string => {
  const [, fraction = ""] = /\.(\d+)Z$/.exec(iso) ?? [];
  const seconds = Math.floor(Date.parse(iso) / 1000);
  return `${seconds}${fraction.padEnd(6, "0").slice(0, 6)}`;
};

/** What the fixture (OTLP JSON) says of its spans, in the terms of Jaeger's UI, made without our code. */
function expectedSpans(fixture: OtlpTraces): Compared[] {
  const plain = (value: OtlpValue): unknown =>
    value.stringValue ??
    value.boolValue ??
    value.doubleValue ??
    value.bytesValue ??
    Number(value.intValue);
  const map = (attributes: readonly OtlpAttribute[] = []): object =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
  return fixture.resourceSpans
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans }) =>
        spans.map((span) => ({
          traceID: span.traceId.replace(/^0{16}/, ""),
          spanID: span.spanId,
          operationName: span.name,
          startTime: Math.floor(Number(BigInt(span.startTimeUnixNano) / 1000n)),
          duration: Number((BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1000n),
          tags: {
            ...map(span.attributes),
            ...(scope.name ? { "otel.scope.name": scope.name } : {}),
            ...(scope.version ? { "otel.scope.version": scope.version } : {}),
          },
          logs: (span.events ?? []).map((event) => map(event.attributes)),
          references: (span.links ?? []).length + (span.parentSpanId ? 1 : 0),
          process: map(resource.attributes),
        })),
      ),
    )
    .sort(bySpan);
}

function answeredSpans(trace: UiTrace): Compared[] {
  const map = (tags: readonly UiTag[]): object =>
    Object.fromEntries(tags.map(({ key, value }) => [key, value]));
  return trace.spans
    .map((span) => ({
      traceID: span.traceID,
      spanID: span.spanID,
      operationName: span.operationName,
      startTime: span.startTime,
      duration: span.duration,
      tags: map(span.tags),
      logs: span.logs.map((log) => map(log.fields)),
      references: span.references.length,
      process: {
        "service.name": trace.processes[span.processID]?.serviceName,
        ...map(trace.processes[span.processID]?.tags ?? []),
      },
    }))
    .sort(bySpan);
}
const bySpan = (a: Compared, b: Compared): number =>
  a.traceID === b.traceID ? (a.spanID < b.spanID ? -1 : 1) : a.traceID < b.traceID ? -1 : 1;

describe.skipIf(!existsSync(fixtures))(
  "queries.json of Jaeger's storage tests (skipped without ../shared)",
  () => {
    const read = <T>(path: string): T =>
      JSON.parse(readFileSync(new URL(path, fixtures), "utf8")) as T;
    const queries: FixtureQuery[] = existsSync(fixtures)
      ? read<FixtureQuery[]>("queries.json")
      : [];
    const names = [
      ...new Set([...queries.flatMap((query) => query.ExpectedFixtures), "example_trace"]),
    ];

    beforeAll(async () => {
      for (const name of names)
        await store.add(readFileSync(new URL(`traces/${name}.json`, fixtures), "utf8"));
    });

    for (const { Caption, Query, ExpectedFixtures } of queries) {
      test(Caption, async () => {
        const params = new URLSearchParams({
          service: Query.ServiceName,
          start: microsOf(Query.StartTimeMin),
          end: microsOf(Query.StartTimeMax),
          limit: String(Query.NumTraces),
        });
        if (Query.OperationName !== "") params.set("operation", Query.OperationName);
        if (Query.Tags !== null)
          params.set(
            "tags",
            JSON.stringify(
              Object.fromEntries(Object.entries(Query.Tags).map(([k, v]) => [k, String(v)])),
            ),
          );
        if (Query.DurationMin > 0) params.set("minDuration", `${Query.DurationMin}ns`);
        if (Query.DurationMax > 0) params.set("maxDuration", `${Query.DurationMax}ns`);
        const { status, body } = await get<Traces>(`/traces?${params}`);
        expect(status).toBe(200);
        const expected = ExpectedFixtures.flatMap((name) =>
          expectedSpans(read<OtlpTraces>(`traces/${name}.json`)),
        );
        const answered = body.data.flatMap(answeredSpans);
        expect(answered.sort(bySpan)).toEqual(expected.sort(bySpan));
      });
    }

    test("a trace by its short id, with its services and operations", async () => {
      const { body } = await get<Traces>("/traces/11");
      expect(body.data).toHaveLength(1);
      expect(body.data[0]?.traceID).toBe("0000000000000011");
      expect(body.data.flatMap(answeredSpans).map(({ spanID }) => spanID)).toEqual([
        "0000000000000003",
        "0000000000000004",
        "0000000000000005",
        "0000000000000006",
        "0000000000000007",
      ]);
      const services = (await get<Structured<readonly string[]>>("/services")).body;
      expect(services.data).toContain("example-service-1");
      expect(services.total).toBe(services.data.length);
      const operations = (
        await get<Structured<readonly string[]>>("/services/example-service-1/operations")
      ).body;
      expect(operations.data).toEqual([
        "example-operation-1",
        "example-operation-3",
        "example-operation-4",
      ]);
      const servers = (
        await get<Structured<readonly object[]>>(
          "/operations?service=example-service-1&spanKind=server",
        )
      ).body;
      expect(servers.data).toEqual([{ name: "example-operation-3", spanKind: "server" }]);
    });
  },
);

describe("answers as Jaeger's", () => {
  const baseMs = nowMs - 60_000;
  beforeAll(async () => {
    await store.add(
      otlpOf([
        {
          trace: "aa".repeat(16),
          id: 1,
          service: "web",
          name: "GET /",
          startMs: baseMs,
          durationMs: 100,
          kind: 2,
        },
        {
          trace: "aa".repeat(16),
          id: 2,
          parent: 1,
          service: "web",
          name: "GET",
          startMs: baseMs + 1,
          durationMs: 90,
          kind: 3,
        },
        {
          trace: "aa".repeat(16),
          id: 3,
          parent: 2,
          service: "pay/ment",
          name: "POST /pay",
          startMs: baseMs + 2,
          durationMs: 80,
          kind: 2,
          error: "card declined",
          tags: { amount: "12" },
        },
        {
          trace: "bb".repeat(16),
          id: 4,
          service: "web",
          name: "GET /",
          startMs: baseMs + 500,
          durationMs: 3_000,
          kind: 2,
        },
      ]),
    );
    await store.add({
      resourceSpans: [
        {
          resource: {
            attributes: [
              { key: "service.name", value: { stringValue: "kinds" } },
              { key: "cpus", value: { intValue: "8" } },
            ],
          },
          scopeSpans: [
            {
              scope: { name: "lib", version: "2.0" },
              spans: [
                {
                  traceId: "cc".repeat(16),
                  spanId: "00000000000000c1",
                  parentSpanId: "00000000000000c0",
                  traceState: "vendor=1",
                  name: "kinds",
                  kind: 4,
                  startTimeUnixNano: `${baseMs}000001`,
                  endTimeUnixNano: `${baseMs}002501`,
                  status: { code: 2, message: "boom" },
                  attributes: [
                    { key: "big", value: { intValue: "9223372036854775222" } },
                    { key: "small", value: { intValue: "-7" } },
                    { key: "ok", value: { boolValue: true } },
                    { key: "half", value: { doubleValue: 0.5 } },
                    { key: "blob", value: { bytesValue: "AAAwOQ==" } },
                    {
                      key: "list",
                      value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "x" }] } },
                    },
                    { key: "__proto__", value: { stringValue: "data" } },
                  ],
                  events: [
                    {
                      timeUnixNano: `${baseMs}001999`,
                      name: "exception",
                      attributes: [{ key: "exception.type", value: { stringValue: "E" } }],
                    },
                  ],
                  links: [
                    { traceId: "aa".repeat(16), spanId: "0000000000000001" },
                    {
                      traceId: "0000000000000000dddddddddddddddd",
                      spanId: "0000000000000002",
                      attributes: [
                        { key: "opentracing.ref_type", value: { stringValue: "child_of" } },
                      ],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test("one span with everything", async () => {
    const traceID = "cc".repeat(16);
    const { body } = await get(`/traces/${traceID}`);
    expect(body).toEqual({
      data: [
        {
          traceID,
          spans: [
            {
              traceID,
              spanID: "00000000000000c1",
              operationName: "kinds",
              references: [
                { refType: "CHILD_OF", traceID, spanID: "00000000000000c0" },
                { refType: "FOLLOWS_FROM", traceID: "aa".repeat(16), spanID: "0000000000000001" },
                { refType: "CHILD_OF", traceID: "dddddddddddddddd", spanID: "0000000000000002" },
              ],
              startTime: baseMs * 1000,
              duration: 2,
              tags: [
                { key: "otel.scope.name", type: "string", value: "lib" },
                { key: "otel.scope.version", type: "string", value: "2.0" },
                { key: "big", type: "int64", value: "9223372036854775222" },
                { key: "small", type: "int64", value: -7 },
                { key: "ok", type: "bool", value: true },
                { key: "half", type: "float64", value: 0.5 },
                { key: "blob", type: "binary", value: "AAAwOQ==" },
                { key: "list", type: "string", value: '[1,"x"]' },
                { key: "__proto__", type: "string", value: "data" },
                { key: "span.kind", type: "string", value: "producer" },
                { key: "otel.status_code", type: "string", value: "ERROR" },
                { key: "error", type: "bool", value: true },
                { key: "otel.status_description", type: "string", value: "boom" },
                { key: "w3c.tracestate", type: "string", value: "vendor=1" },
              ],
              logs: [
                {
                  timestamp: baseMs * 1000 + 1,
                  fields: [
                    { key: "event", type: "string", value: "exception" },
                    { key: "exception.type", type: "string", value: "E" },
                  ],
                },
              ],
              processID: "p1",
              warnings: [
                "parent span ID=00000000000000c0 is not in the trace; skipping clock skew adjustment",
              ],
            },
          ],
          processes: {
            p1: { serviceName: "kinds", tags: [{ key: "cpus", type: "int64", value: 8 }] },
          },
          warnings: null,
        },
      ],
      total: 0,
      limit: 0,
      offset: 0,
      errors: null,
    });
  });

  const found = (query: string, traces: readonly string[]) =>
    test(`finds ${query}`, async () => {
      const { status, body } = await get<Traces>(`/traces?${query}`);
      expect(body.errors).toBeNull();
      expect(status).toBe(200);
      expect(body.data.map((trace) => trace.traceID.slice(0, 2))).toEqual(traces);
    });
  found("service=web", ["bb", "aa"]);
  found("service=web&limit=1", ["bb"]);
  found("service=web&lookback=59s", []);
  found("service=web&lookback=2d", ["bb", "aa"]);
  found("service=web&minDuration=1.5s", ["bb"]);
  found("service=web&maxDuration=100ms&operation=GET%20/", ["aa"]);
  found("service=pay%2Fment&tag=error:true", ["aa"]);
  found("service=pay%2Fment&tag=error:false", []);
  found("service=web&tag=error:false", ["bb", "aa"]);
  found("service=pay%2Fment&tag=amount:12&tag=span.kind:server", ["aa"]);
  found("service=pay%2Fment&tag=amount:12&tag=span.kind:client", []);
  found(
    `service=pay%2Fment&tags=${encodeURIComponent('{"amount":12,"otel.status_code":"ERROR"}')}`,
    ["aa"],
  );
  found("service=pay%2Fment&tag=otel.status_description:card%20declined", ["aa"]);
  found("service=kinds&tag=event:exception", ["cc"]);
  found("service=kinds&tag=exception.type:E&tag=otel.scope.version:2.0", ["cc"]);
  found("service=kinds&tag=w3c.tracestate:vendor=1&tag=resource.cpus:8", ["cc"]);
  found("service=kinds&tag=constructor:x", []);
  found("service=kinds&tag=__proto__:data", ["cc"]);
  found(`traceID=${"bb".repeat(16)}&traceID=${"aa".repeat(16)}`, ["bb", "aa"]);

  const refused = (path: string, status: number, msg: string) =>
    test(`refuses ${path}`, async () => {
      const answer = await get(path);
      expect(answer.status).toBe(status);
      expect(answer.body).toEqual({
        data: null,
        total: 0,
        limit: 0,
        offset: 0,
        errors: [{ code: status, msg }],
      });
    });
  refused("/traces/ee", 404, "trace not found");
  refused(
    `/traces/${"e".repeat(33)}`,
    400,
    `TraceID cannot be longer than 32 hex characters: ${"e".repeat(33)}`,
  );
  refused("/traces/xyz", 400, 'strconv.ParseUint: parsing "xyz": invalid syntax');
  refused("/traces", 400, "parameter 'service' is required");
  refused("/operations", 400, "parameter 'service' is required");
  refused(
    "/traces?service=a&start=x",
    400,
    `unable to parse param 'start': strconv.ParseInt: parsing "x": invalid syntax`,
  );
  refused(
    "/traces?service=a&minDuration=1y",
    400,
    `unable to parse param 'minDuration': time: invalid duration "1y"`,
  );
  refused(
    "/traces?service=a&minDuration=2s&maxDuration=1s",
    400,
    "'maxDuration' should be greater than 'minDuration'",
  );
  refused(
    "/traces?service=a&tag=x",
    400,
    "malformed 'tag' parameter, expecting key:value, received: x",
  );
  refused(
    "/traces?service=a&tags=[1]",
    400,
    `malformed 'tags' parameter, cannot unmarshal JSON: "[1]" is not an object`,
  );
  refused(
    "/metrics/calls?service=a",
    501,
    "trace metrics are currently disabled - no metrics backend configured",
  );

  test("unknown ids among several are reported beside the data", async () => {
    const { body } = await get<Traces>(`/traces?traceID=${"aa".repeat(16)}&traceID=f0`);
    expect(body.data).toHaveLength(1);
    expect(body.errors).toEqual([{ msg: "trace not found", traceID: "00000000000000f0" }]);
  });

  test("time hints keep a trace out that is elsewhere", async () => {
    const before = await get(`/traces/${"aa".repeat(16)}?end=${(baseMs - 1) * 1000}`);
    expect(before.status).toBe(404);
    const around = await get<Traces>(`/traces/${"aa".repeat(16)}?start=${(baseMs - 1) * 1000}`);
    expect(around.body.data[0]?.spans).toHaveLength(3);
  });

  test("dependencies between services", async () => {
    const { body } = await get<Structured<readonly object[]>>(
      `/dependencies?endTs=${nowMs}&lookback=3600000`,
    );
    expect(body.data).toEqual([{ parent: "web", child: "pay/ment", callCount: 1 }]);
    const none = await get<Structured<readonly object[]>>(
      `/dependencies?endTs=${nowMs}&lookback=3600000&service=other`,
    );
    expect(none.body.data).toEqual([]);
  });
});

describe("version 3", () => {
  const ms = Date.parse("2024-03-01T12:00:00Z");
  const request = (traceId: string): object => ({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "v3" } }] },
        scopeSpans: [
          {
            scope: {
              name: "lib",
              version: "1",
              attributes: [{ key: "s", value: { boolValue: true } }],
            },
            spans: [
              {
                traceId,
                spanId: "00000000000000a1",
                traceState: "a=b",
                parentSpanId: "00000000000000a0",
                flags: 257,
                name: "op",
                kind: 3,
                startTimeUnixNano: `${ms}000001`,
                endTimeUnixNano: `${ms}500001`,
                attributes: [
                  { key: "i", value: { intValue: "9223372036854775807" } },
                  { key: "d", value: { doubleValue: 2.5 } },
                  { key: "b", value: { bytesValue: "AAE=" } },
                  {
                    key: "list",
                    value: {
                      arrayValue: {
                        values: [
                          { intValue: "9223372036854775807" },
                          { stringValue: 'a"1\\' },
                          { doubleValue: 1.5 },
                          { boolValue: false },
                          { kvlistValue: { values: [{ key: "1", value: { stringValue: "2" } }] } },
                        ],
                      },
                    },
                  },
                ],
                events: [
                  {
                    timeUnixNano: `${ms}000002`,
                    name: "e",
                    attributes: [{ key: "x", value: { stringValue: "y" } }],
                  },
                ],
                links: [
                  {
                    traceId: "ab".repeat(16),
                    spanId: "00000000000000b1",
                    attributes: [{ key: "x", value: { intValue: "1" } }],
                  },
                ],
                status: { message: "bad", code: 2 },
              },
              {
                traceId,
                spanId: "00000000000000a2",
                name: "op2",
                startTimeUnixNano: `${ms + 1}000000`,
                endTimeUnixNano: `${ms + 1}000000`,
                status: {},
              },
            ],
          },
        ],
      },
    ],
  });
  const traceId = "3a".repeat(16);
  beforeAll(() => store.add(request(traceId)));

  test("a trace comes back as it was sent", async () => {
    expect((await get(`/v3/traces/${traceId}?rawTraces=true`)).body).toEqual({
      result: request(traceId),
    });
  });
  test("services and operations", async () => {
    expect(
      (await get<{ readonly services: readonly string[] }>("/v3/services")).body.services,
    ).toContain("v3");
    expect((await get("/v3/operations?service=v3")).body).toEqual({
      operations: [
        { name: "op", spanKind: "client" },
        { name: "op2", spanKind: "internal" },
      ],
    });
  });
  const range =
    "query.startTimeMin=2024-03-01T11:59:59.999999999Z&query.startTimeMax=2024-03-01T13:00:01%2B01:00";
  test("search", async () => {
    const attributes = encodeURIComponent('{"d":"2.5"}');
    const { body } = await get(
      `/v3/traces?query.serviceName=v3&query.attributes=${attributes}&${range}&query.rawTraces=true`,
    );
    expect(body).toEqual({ result: request(traceId) });
  });
  const refused = (path: string, httpCode: number, message: string) =>
    test(`refuses ${path}`, async () => {
      const { status, body } = await get(path);
      expect(status).toBe(httpCode);
      expect(body).toEqual({ error: { httpCode, message } });
    });
  refused("/v3/traces/f00", 404, "No traces found");
  refused(`/v3/traces?query.serviceName=v3&query.durationMin=1s&${range}`, 404, "No traces found");
  refused(
    "/v3/traces?query.serviceName=v3",
    400,
    "query.startTimeMin and query.startTimeMax are required",
  );
  refused(
    "/v3/traces?query.startTimeMin=x&query.startTimeMax=y",
    400,
    'malformed parameter query.startTimeMin: "x"',
  );
});

describe("Go durations", () => {
  const check = (text: string, want: number | undefined) =>
    test(text, () => expect(parseGoDuration(text)).toBe(want));
  check("1.2s", 1_200_000_000);
  check("100ms", 100_000_000);
  check("1h30m", 5_400_000_000_000);
  check("4500ns", 4_500);
  check("10µs", 10_000);
  check(".5us", 500);
  check("0", 0);
  check("-1s", -1_000_000_000);
  check("", undefined);
  check("10", undefined);
  check("1 s", undefined);
  check("1d", undefined);
});
