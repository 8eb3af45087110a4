import type { Incident } from "@triptych/contract";
import { TriptychError } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServiceLatency, SlowRequest } from "../store/clickhouse/select/services.ts";
import type { SpanTimes } from "../store/clickhouse/select/traces-search.ts";
import {
  openTestStore,
  otlpOf,
  type TestSpan,
  type TestStore,
  traceIdOf,
} from "../store/clickhouse/select/testing.ts";
import { createIncidentWatch, createLatencyWatch } from "./watch.ts";

const S = 1e9;
const T0 = Date.parse("2026-01-01T00:00:00Z");

/** A clock that is stepped and runs what is due. */
function fakeClock() {
  let nowMs = T0;
  let due: { atMs: number; run: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs: number, run: () => void) {
      const entry = { atMs: nowMs + delayMs, run };
      due.push(entry);
      return () => {
        due = due.filter((other) => other !== entry);
      };
    },
    advance(ms: number) {
      nowMs += ms;
      const ready = due.filter(({ atMs }) => atMs <= nowMs);
      due = due.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of ready) run();
    },
    waiting: () => due.length,
  };
}

const latency = (service: string, p95: number, requests = 100, errors = 0): ServiceLatency => ({
  service,
  requests,
  errors,
  p95Ns: p95 * S,
  slow: p95 > 2 ? Math.ceil(requests / 10) : 0,
});
const request = (service: string, trace: number, seconds: number): SlowRequest => ({
  service,
  traceId: traceIdOf(trace),
  spanId: `${service}-${trace}`,
  endpoint: "/pay",
  startNs: BigInt(T0) * 1_000_000n,
  durationNs: seconds * S,
});

function setUp(saved: Incident[] = []) {
  const clock = fakeClock();
  const world = {
    latencies: [] as ServiceLatency[],
    slow: [] as SlowRequest[],
    spans: [] as SpanTimes[],
    fails: { latencies: false, traces: false, save: false, load: false },
    saves: [] as Incident[],
    errors: [] as string[],
    windows: [] as number[],
  };
  const fail = (when: boolean, what: string): void => {
    if (when) throw new TriptychError("store_unavailable", what);
  };
  const watch = createLatencyWatch({
    clock,
    thresholdSeconds: 2,
    windowMs: 60_000,
    intervalMs: 5_000,
    source: {
      latencies: async () => {
        fail(world.fails.latencies, "latencies");
        return world.latencies;
      },
      slowRequests: async ({ window, services }) => {
        fail(world.fails.traces, "traces");
        world.windows.push(Number((window.toNs - window.fromNs) / 1_000_000n));
        return world.slow.filter(({ service }) => services.includes(service));
      },
      spans: async () => world.spans,
    },
    load: async () => {
      fail(world.fails.load, "load");
      return saved;
    },
    save: async (incident) => {
      fail(world.fails.save, "save");
      world.saves.push(incident);
    },
    onError: (error) => world.errors.push(error.message),
  });
  return { clock, world, watch };
}

describe("the life of an incident", () => {
  test("opens once, keeps the worst, closes on recovery, opens anew under the next id", async () => {
    const { clock, world, watch } = setUp();
    world.latencies = [latency("pay", 1.9), latency("web", 0.1)];
    await watch.step();
    expect(watch.list()).toEqual([]);
    world.latencies = [latency("pay", 2.5, 100, 3), latency("web", 0.1)];
    world.slow = [request("pay", 1, 4), request("pay", 2, 2.5), request("pay", 1, 2.1)];
    await watch.step();
    expect(watch.list()).toEqual([
      {
        id: "INC-1",
        service: "pay",
        type: "High Latency",
        detected_at: "2026-01-01T00:00:00.000Z",
        latency_p95: 2.5,
        latency_p95_peak: 2.5,
        threshold: 2,
        requests: 100,
        errors: 3,
        slow_traces: [
          { trace_id: traceIdOf(1), latency: 4, endpoint: "/pay", ts: "2026-01-01T00:00:00.000Z" },
          {
            trace_id: traceIdOf(2),
            latency: 2.5,
            endpoint: "/pay",
            ts: "2026-01-01T00:00:00.000Z",
          },
        ],
        trace_status: "ok",
      },
    ]);
    await watch.step();
    expect(world.saves).toHaveLength(1);
    clock.advance(5_000);
    world.latencies = [latency("pay", 3.5, 90, 5)];
    world.slow = [request("pay", 3, 3)];
    await watch.step();
    expect(watch.list()).toHaveLength(1);
    expect(watch.get("INC-1")).toMatchObject({
      latency_p95: 2.5,
      latency_p95_peak: 3.5,
      requests: 100,
      errors: 5,
    });
    expect(watch.get("INC-1")?.slow_traces.map((trace) => trace.latency)).toEqual([4, 3, 2.5]);
    clock.advance(5_000);
    world.latencies = [latency("pay", 2)];
    await watch.step();
    expect(watch.get("INC-1")?.resolved_at).toBe("2026-01-01T00:00:10.000Z");
    world.latencies = [latency("pay", 2.1)];
    await watch.step();
    expect(watch.list().map(({ id, resolved_at }) => [id, resolved_at === undefined])).toEqual([
      ["INC-2", true],
      ["INC-1", false],
    ]);
    expect(world.errors).toEqual([]);
  });

  test("no data closes it; too few requests do not open one", async () => {
    const { world, watch } = setUp();
    world.latencies = [latency("pay", 9, 4)];
    await watch.step();
    expect(watch.list()).toEqual([]);
    world.latencies = [latency("pay", 9, 5)];
    await watch.step();
    world.latencies = [latency("pay", 9, 1)];
    await watch.step();
    expect(watch.get("INC-1")?.resolved_at).toBeUndefined();
    world.latencies = [];
    await watch.step();
    expect(watch.get("INC-1")?.resolved_at).toBeDefined();
  });

  test("at most twenty slow traces", async () => {
    const { world, watch } = setUp();
    world.latencies = [latency("pay", 9)];
    world.slow = Array.from({ length: 50 }, (_, i) => request("pay", i, 3 + i));
    await watch.step();
    expect(watch.get("INC-1")?.slow_traces.map((trace) => trace.latency)).toEqual(
      Array.from({ length: 20 }, (_, i) => 52 - i),
    );
  });

  test("ids go on after a restart and open incidents stay open", async () => {
    const first = setUp();
    first.world.latencies = [latency("pay", 3)];
    await first.watch.step();
    const second = setUp([
      ...first.watch.list(),
      { ...(first.watch.list()[0] as Incident), id: "INC-41", service: "old", resolved_at: "x" },
    ]);
    second.world.fails.load = true;
    await second.watch.step();
    expect(second.world.errors).toEqual(["load"]);
    second.world.fails.load = false;
    second.world.latencies = [latency("pay", 3), latency("web", 3)];
    await second.watch.step();
    expect(second.watch.list().map(({ id, service }) => [id, service])).toEqual([
      ["INC-42", "web"],
      ["INC-41", "old"],
      ["INC-1", "pay"],
    ]);
  });
});

describe("when something fails", () => {
  test("without traces it opens all the same and is filled in later", async () => {
    const { clock, world, watch } = setUp();
    world.latencies = [latency("pay", 3)];
    world.slow = [request("pay", 1, 3)];
    world.fails.traces = true;
    await watch.step();
    expect(watch.get("INC-1")).toMatchObject({
      trace_status: "Trace data unavailable",
      slow_traces: [],
    });
    clock.advance(30_000);
    world.fails.traces = false;
    await watch.step();
    expect(watch.get("INC-1")).toMatchObject({
      trace_status: "ok",
      slow_traces: [{ trace_id: traceIdOf(1) }],
    });
    expect(world.windows).toEqual([90_000]);
    world.fails.traces = true;
    await watch.step();
    expect(watch.get("INC-1")?.trace_status).toBe("ok");
  });

  test("without traces only the quickest of the slow opens at once", async () => {
    const { clock, world, watch } = setUp();
    world.latencies = [latency("web", 3.2), latency("pay", 3)];
    world.fails.traces = true;
    await watch.step();
    expect(watch.list().map(({ service }) => service)).toEqual(["pay"]);
    clock.advance(15_000);
    await watch.step();
    expect(watch.list().map(({ service }) => service)).toEqual(["web", "pay"]);
  });

  test("nothing is listed that was not saved", async () => {
    const { world, watch } = setUp();
    world.latencies = [latency("pay", 3)];
    world.fails.save = true;
    await watch.step();
    expect(watch.list()).toEqual([]);
    world.fails.save = false;
    await watch.step();
    expect(watch.list().map(({ id }) => id)).toEqual(["INC-1"]);
    world.latencies = [];
    world.fails.save = true;
    await watch.step();
    expect(watch.get("INC-1")?.resolved_at).toBeUndefined();
    expect(world.errors).toEqual(["save", "save"]);
  });

  test("a store that does not answer changes nothing", async () => {
    const { world, watch } = setUp();
    world.latencies = [latency("pay", 3)];
    await watch.step();
    world.fails.latencies = true;
    await watch.step();
    expect(watch.get("INC-1")?.resolved_at).toBeUndefined();
    expect(world.errors).toEqual(["latencies"]);
  });
});

test("steps at every interval until it is closed", async () => {
  const { clock, world, watch } = setUp();
  world.latencies = [latency("pay", 3)];
  watch.start();
  await watch.step();
  await Promise.resolve();
  expect(watch.list()).toHaveLength(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.waiting()).toBe(1);
  world.latencies = [];
  clock.advance(5_000);
  await watch.step();
  expect(watch.get("INC-1")?.resolved_at).toBeDefined();
  await watch.close();
  await watch.close();
  expect(clock.waiting()).toBe(0);
});

test("a caller whose other side is not known yet waits, and opens when it stays so", async () => {
  const { clock, world, watch } = setUp();
  world.latencies = [latency("web", 3)];
  world.slow = [request("web", 1, 3)];
  world.spans = [
    {
      traceId: traceIdOf(1),
      spanId: "call",
      parentSpanId: "web-1",
      service: "web",
      kind: "Client",
      startNs: BigInt(T0) * 1_000_000n,
      durationNs: 2.9 * S,
    },
  ];
  await watch.step();
  clock.advance(10_000);
  await watch.step();
  expect(watch.list()).toEqual([]);
  clock.advance(5_000);
  await watch.step();
  expect(watch.list().map(({ service }) => service)).toEqual(["web"]);
});

describe("with the store", () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore();
  });
  afterAll(() => store.close());

  test("gateway, order and payment: the incident is payment's", async () => {
    const clock = fakeClock();
    const saves: Incident[] = [];
    const watch = createIncidentWatch({
      engine: store.engine,
      clock,
      thresholdSeconds: 2,
      windowMs: 60_000,
      intervalMs: 5_000,
      load: async () => [],
      save: async (incident) => {
        saves.push(incident);
      },
      onError: (error) => {
        throw error;
      },
    });
    const trace = (n: number, startMs: number, payMs: number): TestSpan[] => {
      const t = { trace: n };
      const id = (k: number): number => n * 10 + k;
      return [
        {
          ...t,
          id: id(1),
          service: "gateway",
          name: "POST /buy",
          startMs,
          durationMs: payMs + 40,
          kind: 2,
        },
        {
          ...t,
          id: id(2),
          parent: id(1),
          service: "gateway",
          name: "POST",
          startMs: startMs + 1,
          durationMs: payMs + 30,
          kind: 3,
        },
        {
          ...t,
          id: id(3),
          parent: id(2),
          service: "order",
          name: "POST /orders",
          startMs: startMs + 2,
          durationMs: payMs + 20,
          kind: 2,
        },
        {
          ...t,
          id: id(4),
          parent: id(3),
          service: "order",
          name: "work",
          startMs: startMs + 3,
          durationMs: payMs + 15,
          kind: 1,
        },
        {
          ...t,
          id: id(5),
          parent: id(4),
          service: "order",
          name: "GET",
          startMs: startMs + 3,
          durationMs: payMs + 10,
          kind: 3,
        },
        {
          ...t,
          id: id(6),
          parent: id(5),
          service: "payment",
          name: "GET",
          startMs: startMs + 5,
          durationMs: payMs,
          kind: 2,
          tags: { "http.route": "/pay" },
          ...(n === 103 ? { error: "refused" } : {}),
        },
      ];
    };
    await store.add(
      otlpOf(Array.from({ length: 10 }, (_, n) => trace(n + 1, T0 - 300_000 + n, 100)).flat()),
    );
    await watch.step();
    expect(watch.list()).toEqual([]);
    await store.add(
      otlpOf(
        Array.from({ length: 10 }, (_, n) =>
          trace(n + 101, T0 - 30_000 + n * 1000, 2_500 + n),
        ).flat(),
      ),
    );
    await watch.step();
    expect(watch.list()).toHaveLength(1);
    expect(watch.list()[0]).toMatchObject({
      id: "INC-1",
      service: "payment",
      requests: 10,
      errors: 1,
      latency_p95: 2.509,
      trace_status: "ok",
    });
    expect(watch.list()[0]?.slow_traces).toHaveLength(10);
    expect(watch.list()[0]?.slow_traces[0]).toEqual({
      trace_id: traceIdOf(110),
      latency: 2.509,
      endpoint: "/pay",
      ts: new Date(T0 - 30_000 + 9_000 + 5).toISOString(),
    });
    clock.advance(120_000);
    await watch.step();
    expect(watch.list()[0]?.resolved_at).toBe(new Date(T0 + 120_000).toISOString());
    expect(saves).toHaveLength(2);
    await watch.close();
  });

  test("requests are what others ask of a service", async () => {
    const clock = fakeClock();
    clock.advance(10_000_000);
    const startMs = clock.nowMs() - 20_000;
    const spans: TestSpan[] = Array.from({ length: 6 }, (_, n) => [
      { trace: 900 + n, id: 1, service: "client", startMs, durationMs: 3_000, kind: 1 },
      // Internal spans called by another service are requests, and those within a service are not.
      { trace: 900 + n, id: 2, parent: 1, service: "plain", startMs, durationMs: 10, kind: 1 },
      { trace: 900 + n, id: 3, parent: 2, service: "plain", startMs, durationMs: 5_000, kind: 1 },
      // A call whose parent is unknown is no request of its service.
      { trace: 900 + n, id: 5, parent: 4, service: "caller", startMs, durationMs: 5_000, kind: 3 },
      { trace: 900 + n, id: 7, parent: 6, service: "orphan", startMs, durationMs: 7, kind: 0 },
    ]).flat();
    await store.add(otlpOf(spans));
    const source = (await import("./latency-source.ts")).latencySource(store.engine);
    const found = await source.latencies(
      { fromNs: BigInt(startMs - 1000) * 1_000_000n, toNs: BigInt(clock.nowMs()) * 1_000_000n },
      2_000_000_000n,
    );
    expect(
      found.map(({ service, requests, slow, p95Ns }) => [service, requests, slow, p95Ns]),
    ).toEqual([
      ["client", 6, 6, 3e9],
      ["orphan", 6, 0, 7e6],
      ["plain", 6, 0, 10e6],
    ]);
  });
});
