/** Span metrics and the service graph, from spans as a receiver hands them on to the samples that come out. */
import { type SampleBatch, TriptychError } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { deriveSchema } from "../config/derive-schema.ts";
import { createRecordingNext } from "../receivers/otlp/recording-next.ts";
import { createMetrics } from "../self/metrics.ts";
import { linesOf, spansOf, type TestSpan } from "./derived-series/spans-for-tests.ts";
import { createFromSpans } from "./from-spans.ts";

type SentSpan = Omit<TestSpan, "startMs"> & { readonly endedMsAgo?: number };

type GraphSettings = NonNullable<z.input<typeof deriveSchema>>["serviceGraph"];

const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

function derive(settings: z.input<typeof deriveSchema>) {
  const clock = createSimClock();
  const next = createRecordingNext(1024 * 1024);
  const metrics = createMetrics();
  const errors: TriptychError[] = [];
  const config = deriveSchema.parse(settings);
  const parts = createFromSpans({
    config,
    next,
    clock,
    metrics,
    report: (error) => void errors.push(error),
  });
  const t0 = clock.nowMs();
  parts.start();
  return {
    clock,
    next,
    metrics,
    errors,
    t0,
    send: async (spans: readonly SentSpan[]) => {
      const now = clock.nowMs();
      const timed = spans.map(({ endedMsAgo = 0, ...span }) => ({
        ...span,
        startMs: now - span.ms - endedMsAgo,
      }));
      await parts.acknowledged(spansOf(timed));
    },
    /** The samples of one interval, without those that only say the same again. */
    async tick(ms = 15_000) {
      next.batches.length = 0;
      await clock.advance(ms);
      return next.batches.flatMap((batch) => linesOf(batch as SampleBatch));
    },
    close: () => parts.close(),
  };
}

/** Times relative to the start. */
const shifted = (lines: readonly string[], t0: number): string[] =>
  lines.map((line) => line.replace(/@(\d+)$/, (_, ms: string) => `@${Number(ms) - t0}`));
const calls = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^\w+_total\{/.test(line));
const onlyMetrics = { serviceGraph: { enabled: false } };
const onlyGraph = { spanMetrics: { enabled: false } };

describe("span metrics", () => {
  test("calls and durations by operation, with a zero before the first sample", async () => {
    const it = derive({
      ...onlyMetrics,
      spanMetrics: { histogramBuckets: [0.1, 1] },
    });
    await it.send([
      { service: "shop", name: "GET /", ms: 50 },
      { service: "shop", name: "GET /", ms: 500 },
      { service: "shop", name: "GET /", ms: 5, status: 2 },
    ]);
    const labels =
      'operation="GET /",service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /"';
    const ok = `${labels},status_code="STATUS_CODE_UNSET"`;
    const lines = shifted(await it.tick(), it.t0);
    expect(lines.filter((line) => line.includes("UNSET"))).toEqual([
      `traces_spanmetrics_calls_total{${ok}} 0 @1`,
      `traces_spanmetrics_calls_total{${ok}} 2 @15000`,
      `traces_spanmetrics_latency_bucket{le="0.1",${ok}} 0 @1`,
      `traces_spanmetrics_latency_bucket{le="0.1",${ok}} 1 @15000`,
      `traces_spanmetrics_latency_bucket{le="1.0",${ok}} 0 @1`,
      `traces_spanmetrics_latency_bucket{le="1.0",${ok}} 2 @15000`,
      `traces_spanmetrics_latency_bucket{le="+Inf",${ok}} 0 @1`,
      `traces_spanmetrics_latency_bucket{le="+Inf",${ok}} 2 @15000`,
      `traces_spanmetrics_latency_sum{${ok}} 0 @1`,
      `traces_spanmetrics_latency_sum{${ok}} 0.55 @15000`,
      `traces_spanmetrics_latency_count{${ok}} 0 @1`,
      `traces_spanmetrics_latency_count{${ok}} 2 @15000`,
    ]);
    expect(calls(lines).filter((line) => line.includes("ERROR"))).toHaveLength(2);
    const batch = it.next.batches[0] as SampleBatch;
    expect(batch.exemplars.rows).toBe(3);
    expect(Buffer.from(batch.exemplars.traceId.subarray(0, 16)).toString("hex")).toBe(
      "00000000000000000000000000000001",
    );
    expect(batch.metadata.map(({ family, type }) => `${family} ${type}`)).toEqual([
      "traces_spanmetrics_calls_total counter",
      "traces_spanmetrics_latency histogram",
    ]);
    await it.send([{ service: "shop", name: "GET /", ms: 1 }]);
    const later = shifted(await it.tick(), it.t0).filter((line) => line.includes("UNSET"));
    expect(calls(later)).toEqual([`traces_spanmetrics_calls_total{${ok}} 3 @30000`]);
  });

  test("what was not taken is announced again", async () => {
    const it = derive(onlyMetrics);
    await it.send([{ service: "a", ms: 1 }]);
    it.next.failure = new TriptychError("queue_full", "full");
    await it.tick();
    expect(it.errors).toHaveLength(1);
    it.next.failure = undefined;
    const lines = calls(shifted(await it.tick(), it.t0));
    expect(lines.map((line) => line.split(" ").slice(-2).join(" "))).toEqual(["0 @1", "1 @30000"]);
  });

  test("dimensions, mappings and colliding names", async () => {
    const it = derive({
      ...onlyMetrics,
      spanMetrics: {
        dimensions: ["http.route", "service", "zone"],
        dimensionMappings: [{ name: "where", sourceLabels: ["zone", "http.route"], join: "|" }],
        intrinsicDimensions: { spanKind: false, statusMessage: true },
      },
    });
    await it.send([
      {
        service: "a",
        ms: 1,
        status: 2,
        message: "no money",
        attributes: { "http.route": "/x", zone: "span" },
        resource: { zone: "z1", service: "own" },
      },
    ]);
    expect(shifted(calls(await it.tick()), it.t0)[0]).toBe(
      'traces_spanmetrics_calls_total{__service="own",http_route="/x",operation="op",service="a",span_name="op",status_code="STATUS_CODE_ERROR",status_message="no money",where="z1|/x",zone="z1"} 0 @1',
    );
  });

  test("an attribute may be the operation, or there is none", async () => {
    const operation = async (spanMetrics: object): Promise<string | undefined> => {
      const it = derive({ ...onlyMetrics, spanMetrics });
      await it.send([{ service: "a", ms: 1, attributes: { operation: "buy" } }]);
      return /operation="(\w+)"/.exec(calls(await it.tick())[0] ?? "")?.[1];
    };
    expect(await operation({})).toBe("op");
    expect(await operation({ dimensions: ["operation"] })).toBe("buy");
    expect(await operation({ intrinsicDimensions: { operation: false } })).toBeUndefined();
    expect(await operation({ names: "collector" })).toBeUndefined();
  });

  test("filter policies by kind, resource and pattern", async () => {
    const it = derive({
      ...onlyMetrics,
      spanMetrics: {
        filterPolicies: [
          {
            include: {
              matchType: "regex",
              attributes: [{ key: "kind", value: "SERVER|CLIENT" }],
            },
            exclude: { attributes: [{ key: "resource.env", value: "test" }] },
          },
        ],
      },
    });
    await it.send([
      { service: "a", ms: 1, kind: SERVER },
      { service: "b", ms: 1, kind: 1 },
      { service: "c", ms: 1, kind: CLIENT, resource: { env: "test" } },
    ]);
    expect(calls(await it.tick())).toHaveLength(2);
    expect(it.metrics.render()).toContain('skipped_spans_total{reason="span_metrics_filtered"} 2');
  });

  test("label sets are bounded; what is too much is still counted", async () => {
    const it = derive({ ...onlyMetrics, spanMetrics: { setsMax: 2 } });
    await it.send(Array.from({ length: 10 }, (_, i) => ({ service: "a", name: `n${i}`, ms: 1 })));
    const lines = calls(await it.tick());
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toMatch(/^traces_spanmetrics_calls_total\{metric_overflow="true"\} 8 /);
    expect(it.metrics.render()).toContain('skipped_spans_total{reason="span_metrics_overflow"} 8');
  });

  test("what nobody sends any more ends, and begins again from zero", async () => {
    const it = derive({ ...onlyMetrics, spanMetrics: { staleSeconds: 20 } });
    await it.send([{ service: "a", ms: 1 }]);
    await it.tick();
    expect(calls(await it.tick())[0]).toMatch(/ stale @/);
    expect(await it.tick()).toEqual([]);
    await it.send([{ service: "a", ms: 1 }]);
    const lines = calls(shifted(await it.tick(), it.t0));
    expect(lines.map((line) => line.split(" ").slice(-2).join(" "))).toEqual([
      "0 @45001",
      "1 @60000",
    ]);
  });

  test("native histograms, the Collector's names, weights and sizes", async () => {
    const it = derive({
      ...onlyMetrics,
      spanMetrics: {
        names: "collector",
        histograms: "native",
        spanMultiplierKey: "share",
        size: true,
      },
    });
    await it.send([{ service: "a", ms: 100, attributes: { share: "0.25" } }]);
    const lines = await it.tick();
    const labels =
      '{service_name="a",span_kind="SPAN_KIND_SERVER",span_name="op",status_code="STATUS_CODE_UNSET"}';
    expect(lines).toContain(`traces_span_metrics_calls_total${labels} 4 @${it.t0 + 15_000}`);
    expect(lines).toContain(
      `traces_span_metrics_duration_milliseconds${labels} native count=4 schema=3 @${it.t0 + 15_000}`,
    );
    expect(lines.some((line) => /size_total\{.*\} [1-9]\d+ @/.test(line))).toBe(true);
    const { histograms } = it.next.batches[0] as SampleBatch;
    // 100 ms lies in the bucket whose upper bound is 2 to the power of 54/8.
    expect(histograms.positiveSpans.gap[0]).toBe(54);
  });

  test("resources as target info", async () => {
    const it = derive({ ...onlyMetrics, spanMetrics: { targetInfo: true } });
    const resource = { "service.namespace": "ns", "service.instance.id": "i1", "host.name": "h" };
    await it.send([{ service: "a", ms: 1, resource }]);
    const lines = await it.tick();
    expect(calls(lines)[0]).toContain('instance="i1",job="ns/a"');
    expect(lines.at(-1)).toBe(
      `traces_target_info{host_name="h",instance="i1",job="ns/a"} 1 @${it.t0 + 15_000}`,
    );
  });

  test("spans of long ago are not counted as of now", async () => {
    const it = derive({ ...onlyMetrics, slackSeconds: 60 });
    await it.send([{ service: "a", ms: 1, endedMsAgo: 3_600_000 }]);
    expect(await it.tick()).toEqual([]);
    expect(it.metrics.render()).toContain('reason="span_metrics_outside_slack"} 1');
  });

  test("what was counted last is handed on at the end", async () => {
    const it = derive(onlyMetrics);
    await it.send([{ service: "a", ms: 1 }]);
    await it.close();
    await it.close();
    expect(it.next.batches).toHaveLength(1);
  });
});

describe("service graph", () => {
  const edge = (line: string): string =>
    line.replace(/^traces_service_graph_(\w+)\{(.*)\} (\S+) @\d+$/, "$1 $2 $3");
  const counts = (lines: readonly string[]): string[] =>
    calls(lines)
      .filter((line) => !/ 0 @/.test(line))
      .map(edge);

  test("both sides of a call, whichever comes first", async () => {
    const it = derive(onlyGraph);
    await it.send([{ service: "web", id: 1, kind: CLIENT, ms: 100 }]);
    await it.send([
      { service: "db-api", id: 2, parent: 1, kind: SERVER, ms: 80, status: 2 },
      { service: "late", id: 4, parent: 3, kind: SERVER, ms: 10 },
    ]);
    await it.send([{ service: "web", id: 3, kind: CLIENT, ms: 20 }]);
    const lines = await it.tick();
    expect(counts(lines)).toEqual([
      'request_total client="web",server="db-api" 1',
      'request_failed_total client="web",server="db-api" 1',
      'request_total client="web",server="late" 1',
    ]);
    const value = (name: string): string | undefined =>
      lines.find((line) => line.startsWith(name) && line.includes("db-api") && !/ 0 @/.test(line));
    expect(value("traces_service_graph_request_server_seconds_sum")).toContain(" 0.08 @");
    expect(value("traces_service_graph_request_client_seconds_sum")).toContain(" 0.1 @");
  });

  const check = (
    name: string,
    spans: readonly SentSpan[],
    want: readonly string[],
    settings: GraphSettings = {},
  ) =>
    test(name, async () => {
      const it = derive({ ...onlyGraph, serviceGraph: settings });
      await it.send(spans);
      await it.tick();
      // Other time passes, so that also what waits is decided.
      expect(counts(await it.tick())).toEqual(want);
    });
  check(
    "a database is a node by what the call says",
    [
      { service: "a", kind: CLIENT, ms: 1, attributes: { "db.system": "postgresql" } },
      { service: "b", kind: CLIENT, ms: 1, attributes: { "db.name": "orders", "db.system": "x" } },
      {
        service: "c",
        kind: CLIENT,
        ms: 1,
        attributes: { "db.namespace": "n", "server.address": "db1" },
      },
    ],
    [
      'request_total client="a",connection_type="database",server="postgresql" 1',
      'request_total client="b",connection_type="database",server="orders" 1',
      'request_total client="c",connection_type="database",server="db1" 1',
    ],
  );
  check(
    "who has no spans: a user at the root, a server by name",
    [
      { service: "a", kind: SERVER, ms: 1, trace: 1 },
      { service: "a", kind: CLIENT, ms: 1, trace: 2, attributes: { "peer.service": "payments" } },
    ],
    [
      'request_total client="user",connection_type="virtual_node",server="a",virtual_node="client" 1',
      'request_total client="a",connection_type="virtual_node",server="payments",virtual_node="server" 1',
    ],
    { virtualNodeLabel: true },
  );
  check(
    "a message, and the time it waited",
    [
      { service: "a", id: 1, kind: PRODUCER, ms: 5 },
      { service: "b", id: 2, parent: 1, kind: CONSUMER, ms: 1 },
    ],
    ['request_total client="a",connection_type="messaging_system",server="b" 1'],
  );
  check(
    "a queue is a node when nobody is seen to take from it",
    [{ service: "a", kind: PRODUCER, ms: 5, attributes: { "messaging.destination.name": "jobs" } }],
    ['request_total client="a",connection_type="messaging_system",server="jobs" 1'],
  );
  check(
    "what cannot be paired is counted",
    [
      { service: "a", id: 1, kind: CLIENT, ms: 5 },
      { service: "b", id: 2, parent: 9, kind: SERVER, ms: 5 },
    ],
    ['unpaired_spans_total client="a" 1', 'unpaired_spans_total server="b" 1'],
  );
  check(
    "what finds no room is counted",
    [
      { service: "a", id: 1, kind: CLIENT, ms: 5, attributes: { "peer.service": "x" } },
      { service: "b", id: 2, kind: CLIENT, ms: 5 },
    ],
    [
      'request_total client="a",connection_type="virtual_node",server="x" 1',
      'dropped_spans_total client="b" 1',
    ],
    { edgesMax: 1 },
  );
  check(
    "dimensions of both sides",
    [
      { service: "a", id: 1, kind: CLIENT, ms: 5, attributes: { zone: "1" } },
      { service: "b", id: 2, parent: 1, kind: SERVER, ms: 5, attributes: { zone: "2" } },
    ],
    ['request_total client="a",client_zone="1",server="b",server_zone="2" 1'],
    { dimensions: ["zone"], clientServerPrefix: true },
  );

  test("many edges at once find their other side", async () => {
    const it = derive({ ...onlyGraph, serviceGraph: { edgesMax: 20_000 } });
    const pairs = Array.from({ length: 8_000 }, (_, i) => i);
    await it.send(
      pairs.map((i) => ({ service: "a", trace: i + 1, id: i + 1, kind: CLIENT, ms: 1 })),
    );
    await it.send(
      pairs.map((i) => ({
        service: "b",
        trace: i + 1,
        id: i + 100_000,
        parent: i + 1,
        kind: SERVER,
        ms: 1,
      })),
    );
    expect(counts(await it.tick())).toEqual(['request_total client="a",server="b" 8000']);
    expect(it.metrics.render()).toContain("triptych_service_graph_waiting_spans 0\n");
  });
});
