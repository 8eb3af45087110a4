import { type AddressInfo, createServer } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { configureTelemetry, type TelemetryHandle } from "./configure-telemetry.ts";
import { createOtlpCatcher, type OtlpCatcher } from "./otlp-catcher.ts";
import type { TelemetryOptions } from "./options.ts";
import { getTelemetry } from "./telemetry.ts";

let catcher: OtlpCatcher;
let handle: TelemetryHandle | undefined;
beforeAll(async () => {
  catcher = await createOtlpCatcher();
});
afterEach(async () => {
  await handle?.shutdown();
  for (const list of Object.values(catcher)) if (Array.isArray(list)) list.length = 0;
});
afterAll(() => catcher.close());

function configure(options: TelemetryOptions = {}): TelemetryHandle {
  const base = { serviceName: "unit", endpoint: catcher.url, protocol: "http/json" } as const;
  handle = configureTelemetry({ ...base, instrument: false, shutdownTimeoutMs: 2_000, ...options });
  return handle;
}

const telemetry = getTelemetry("telemetry.test", "9.9");
// Made before anything is configured, as a module of an application would.
const requests = telemetry.counter("requests", { unit: "{request}", description: "Requests." });

describe("spans", () => {
  test("nest, keep fn's value, carry attributes and kind", async () => {
    const { flush } = configure();
    let inside = "";
    const value: number = telemetry.trace("outer", { size: 3 }, () => {
      inside = telemetry.currentTraceId();
      const kind = { name: "inner", kind: "client" } as const;
      return telemetry.span(kind, () => telemetry.trace("innermost", () => 42));
    });
    const later: Promise<string> = telemetry.trace("async", async () => {
      await Promise.resolve();
      return telemetry.trace("child", () => "done");
    });
    expect([value, await later]).toEqual([42, "done"]);
    await flush();
    const byName = Object.fromEntries(catcher.spans.map((span) => [span.name, span]));
    expect(Object.keys(byName).sort()).toEqual(["async", "child", "inner", "innermost", "outer"]);
    expect(byName["inner"]?.parentSpanId).toBe(byName["outer"]?.spanId);
    expect(byName["innermost"]?.parentSpanId).toBe(byName["inner"]?.spanId);
    expect(byName["child"]?.parentSpanId).toBe(byName["async"]?.spanId);
    expect(byName["outer"]).toMatchObject({ traceId: inside, attributes: { size: 3 }, kind: 1 });
    expect(byName["inner"]?.kind).toBe(3);
    expect(byName["outer"]?.scope).toBe("telemetry.test");
    expect(inside).toMatch(/^[0-9a-f]{32}$/);
    expect(telemetry.currentTraceId()).toBe("");
  });

  const failing = (name: string, run: () => unknown) =>
    test(`${name}: the error is recorded and thrown on`, async () => {
      const { flush } = configure();
      await expect((async () => run())()).rejects.toThrow("too much");
      await flush();
      const [span] = catcher.spans;
      expect(span?.status).toEqual({ code: 2, message: "too much" });
      expect(span?.attributes["error.type"]).toBe("RangeError");
      expect(span?.events[0]).toMatchObject({
        name: "exception",
        attributes: { "exception.type": "RangeError", "exception.message": "too much" },
      });
    });
  failing("sync", () =>
    telemetry.trace("fails", () => {
      throw new RangeError("too much");
    }),
  );
  failing("async", () =>
    telemetry.trace("fails", { a: 1 }, async () => {
      await Promise.resolve();
      throw new RangeError("too much");
    }),
  );
});

test("logs carry severity, attributes, the error and the ids of the active span", async () => {
  const { flush } = configure();
  telemetry.trace("work", () => {
    telemetry.logWarning("slow", { "http.route": "/pay", attempts: 2 });
    telemetry.logError("failed", { step: "charge" }, new TypeError("bad card"));
    telemetry.logError("failed again", { error: new TypeError("worse card") });
  });
  telemetry.logFatal("outside", { error: "a text" });
  for (const log of ["logTrace", "logDebug", "logInfo"] as const) telemetry[log](log);
  await flush();
  const [span] = catcher.spans;
  const ids = { traceId: span?.traceId, spanId: span?.spanId };
  const [warning, error, again, fatal] = catcher.logs;
  const severities = catcher.logs.map((log) => [log.severityNumber, log.severityText]);
  expect(warning).toMatchObject({ body: "slow", ...ids });
  expect(warning?.attributes).toEqual({ "http.route": "/pay", attempts: 2 });
  expect(error).toMatchObject({ ...ids, attributes: { step: "charge" } });
  expect(error?.attributes).toMatchObject({
    "exception.type": "TypeError",
    "exception.message": "bad card",
  });
  expect(error?.attributes["exception.stacktrace"]).toContain("telemetry.test.ts");
  expect(again?.attributes["exception.message"]).toBe("worse card");
  expect(fatal?.traceId ?? "").toBe("");
  expect(fatal?.attributes).toEqual({ error: "a text" });
  expect(severities).toEqual([
    [13, "WARN"],
    [17, "ERROR"],
    [17, "ERROR"],
    [21, "FATAL"],
    [1, "TRACE"],
    [5, "DEBUG"],
    [9, "INFO"],
  ]);
});

test("metrics of every kind arrive with unit, description, attributes and bounds", async () => {
  const { flush } = configure();
  requests.add(2, { route: "/pay" });
  requests.add(3, { route: "/pay" });
  telemetry.upDownCounter("in_flight").add(-1);
  telemetry.gauge("depth", { unit: "{order}" }).record(7.5);
  telemetry.histogram("latency_seconds", { unit: "s" }).record(0.3);
  telemetry.histogram("size", { unit: "By", boundaries: [10, 100] }).record(50);
  await flush();
  const byName = Object.fromEntries(catcher.metrics.map((metric) => [metric.name, metric]));
  expect(byName["requests"]).toMatchObject({
    kind: "sum",
    unit: "{request}",
    description: "Requests.",
    points: [{ value: 5, attributes: { route: "/pay" } }],
  });
  expect(byName["in_flight"]).toMatchObject({ kind: "sum", points: [{ value: -1 }] });
  expect(byName["depth"]).toMatchObject({ kind: "gauge", points: [{ value: 7.5 }] });
  expect(byName["latency_seconds"]).toMatchObject({ kind: "histogram", unit: "s" });
  expect(byName["latency_seconds"]?.points[0]).toMatchObject({ count: 1, value: 0.3 });
  expect(byName["latency_seconds"]?.points[0]?.bounds.at(0)).toBe(0.005);
  expect(byName["size"]?.points[0]?.bounds).toEqual([10, 100]);
});

test("the resource says who sends", async () => {
  configure({ serviceVersion: "1.2", environment: "test", resourceAttributes: { "k.v": true } });
  telemetry.trace("any", () => {});
  await handle?.shutdown();
  expect(catcher.resources[0]).toMatchObject({
    "service.name": "unit",
    "service.version": "1.2",
    "deployment.environment": "test",
    "deployment.environment.name": "test",
    "k.v": true,
    "process.pid": process.pid,
    "telemetry.sdk.language": "nodejs",
  });
  expect(catcher.resources[0]?.["service.instance.id"]).toMatch(/^[0-9a-f-]{36}$/);
});

describe("the end", () => {
  test("shutdown flushes all three, twice is once, and configuring again works", async () => {
    const first = configure({ batchDelayMs: 60_000, metricIntervalMs: 60_000 });
    telemetry.trace("last", () => telemetry.logInfo("last words"));
    requests.add(1);
    expect(catcher.requests).toEqual([]);
    expect(first.shutdown()).toBe(first.shutdown());
    await first.shutdown();
    const paths = catcher.requests.map((request) => request.path).sort();
    expect(paths).toEqual(["/v1/logs", "/v1/metrics", "/v1/traces"]);
    const second = configure();
    telemetry.trace("second life", () => {});
    requests.add(4);
    await second.flush();
    expect(catcher.spans.map((span) => span.name)).toEqual(["last", "second life"]);
    expect(catcher.metrics.at(-1)?.points[0]?.value).toBe(4);
  });

  test("two configurations at once are refused", () => {
    configure();
    expect(() => configure()).toThrow("configured already");
  });

  test("a receiver that is away harms nobody; onError hears of it", async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => {
      errors.push(error);
      throw new Error("also harmless");
    };
    const gone = { endpoint: "http://127.0.0.1:9", exportTimeoutMs: 100, shutdownTimeoutMs: 500 };
    configure({ ...gone, onError });
    expect(telemetry.trace("unseen", () => 1)).toBe(1);
    telemetry.logInfo("unheard");
    requests.add(1);
    await handle?.shutdown();
    expect(errors.length).toBeGreaterThan(0);
  });

  test("a receiver that never answers cannot hold shutdown", async () => {
    let cut: Promise<unknown> | undefined;
    const silent = createServer((socket) => {
      cut = new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
      socket.resume();
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    configure({ endpoint: `http://127.0.0.1:${port}`, shutdownTimeoutMs: 100 });
    telemetry.trace("unseen", () => {});
    await handle?.shutdown();
    await cut;
    silent.close();
    expect(cut).toBeDefined();
  });

  const retried = (status: number) =>
    test(`${status} is tried again`, async () => {
      catcher.refusals.push(status);
      configure();
      telemetry.trace("second try", () => {});
      await handle?.shutdown();
      const traces = catcher.requests.filter((request) => request.path === "/v1/traces");
      expect([traces.length, catcher.spans[0]?.name]).toEqual([2, "second try"]);
    });
  retried(429);
  retried(503);
});

describe("transports", () => {
  test("http/protobuf is the default; headers go along", async () => {
    const { protocol: _, ...options } = { protocol: undefined, headers: { "x-key": "k" } };
    handle = configureTelemetry({ ...options, endpoint: catcher.url, instrument: false });
    telemetry.trace("binary", () => {});
    await handle.shutdown();
    const [request] = catcher.requests;
    expect(request?.headers).toMatchObject({
      "content-type": "application/x-protobuf",
      "x-key": "k",
    });
    expect(request?.bytes).toBeGreaterThan(50);
  });

  test("grpc, with headers as metadata", async () => {
    const calls: string[] = [];
    const server = new Server();
    const bytes = (value: Buffer) => value;
    const method = (path: string) => ({
      ...{ path, requestStream: false, responseStream: false },
      requestDeserialize: bytes,
      requestSerialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    });
    const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    server.addService(
      { Export: method(path) },
      {
        Export(call: GrpcCall, answer: (error: null, value: Buffer) => void) {
          calls.push(`${call.metadata.get("x-key")} ${call.request.includes("over grpc")}`);
          answer(null, Buffer.alloc(0));
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const endpoint = `http://127.0.0.1:${port}`;
    configure({ protocol: "grpc", endpoint, headers: { "x-key": "k" } });
    telemetry.trace("over grpc", () => {});
    await handle?.shutdown();
    server.forceShutdown();
    expect(calls).toEqual(["k true"]);
  });
});

interface GrpcCall {
  readonly request: Buffer;
  readonly metadata: { get(key: string): unknown };
}
