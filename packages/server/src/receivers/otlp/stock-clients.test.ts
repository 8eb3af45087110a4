/** The exporters that applications use, unchanged, against the real servers. */
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as LogsGrpc } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as LogsJson } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as LogsProto } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as MetricsGrpc } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as MetricsJson } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as MetricsProto } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as TracesGrpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as TracesJson } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as TracesProto } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  LoggerProvider,
  type LogRecordExporter,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  SimpleSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { LogBatch, SampleBatch, SpanBatch } from "@triptych/model";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startServers, type TestServers } from "./recording-next.ts";

let servers: TestServers;
beforeAll(async () => {
  servers = await startServers();
});
beforeEach(() => servers.next.batches.splice(0));
afterAll(async () => {
  await servers.close();
  expect(servers.bugs).toEqual([]);
  expect(servers.next.heldBytes).toBe(0);
});

type Compression = { compression: "gzip" | "none" };
const http = (signal: string) => ({ url: `${servers.httpUrl}/v1/${signal}` });
const grpc = () => ({ url: `http://127.0.0.1:${servers.grpcPort}` });
const compressions = ["none", "gzip"] as const;

const checkTraces = (name: string, make: (compression: Compression) => SpanExporter) => {
  for (const compression of compressions) {
    test(`traces, ${name}, ${compression}`, async () => {
      const exporter = make({ compression });
      const provider = new BasicTracerProvider({
        spanProcessors: [new SimpleSpanProcessor(exporter)],
      });
      const span = provider.getTracer("checkout", "1.2.3").startSpan("GET /cart");
      span.setAttribute("http.route", "/cart").addEvent("cache miss");
      span.end();
      await provider.shutdown();
      const batch = servers.next.batches[0] as SpanBatch;
      expect(batch.signal).toBe("spans");
      expect(batch.rows).toBe(1);
      expect(batch.strings.text(batch.name[0] as number)).toBe("GET /cart");
      expect(Buffer.from(batch.traceId.subarray(0, 16)).toString("hex")).toBe(
        span.spanContext().traceId,
      );
      expect(batch.events.rows).toBe(1);
    });
  }
};
checkTraces("grpc", (options) => new TracesGrpc({ ...grpc(), ...options } as object));
checkTraces("protobuf", (options) => new TracesProto({ ...http("traces"), ...options } as object));
checkTraces("json", (options) => new TracesJson({ ...http("traces"), ...options } as object));

const checkLogs = (name: string, make: (compression: Compression) => LogRecordExporter) => {
  for (const compression of compressions) {
    test(`logs, ${name}, ${compression}`, async () => {
      const exporter = make({ compression });
      const provider = new LoggerProvider({
        processors: [new SimpleLogRecordProcessor({ exporter })],
      });
      provider
        .getLogger("checkout")
        .emit({ body: "card declined", severityNumber: SeverityNumber.ERROR });
      await provider.shutdown();
      const batch = servers.next.batches[0] as LogBatch;
      expect(batch.signal).toBe("logs");
      expect(batch.rows).toBe(1);
      expect(batch.body.text(0)).toBe("card declined");
      expect(batch.severityNumber[0]).toBe(17);
    });
  }
};
checkLogs("grpc", (options) => new LogsGrpc({ ...grpc(), ...options } as object));
checkLogs("protobuf", (options) => new LogsProto({ ...http("logs"), ...options } as object));
checkLogs("json", (options) => new LogsJson({ ...http("logs"), ...options } as object));

const checkMetrics = (name: string, make: (compression: Compression) => PushMetricExporter) => {
  for (const compression of compressions) {
    test(`metrics, ${name}, ${compression}`, async () => {
      const exporter = make({ compression });
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
      const provider = new MeterProvider({ readers: [reader] });
      const meter = provider.getMeter("checkout");
      meter.createCounter("orders").add(3, { status: "paid" });
      meter.createHistogram("latency").record(12);
      await provider.forceFlush();
      await provider.shutdown();
      const batch = servers.next.batches[0] as SampleBatch;
      expect(batch.signal).toBe("samples");
      const names = Array.from({ length: batch.series.rows }, (_, i) =>
        batch.series.label(i, "__name__"),
      );
      expect(names).toContain("orders_total");
      expect([...batch.samples.value.subarray(0, batch.samples.rows)]).toContain(3);
    });
  }
};
checkMetrics("grpc", (options) => new MetricsGrpc({ ...grpc(), ...options } as object));
checkMetrics(
  "protobuf",
  (options) => new MetricsProto({ ...http("metrics"), ...options } as object),
);
checkMetrics("json", (options) => new MetricsJson({ ...http("metrics"), ...options } as object));
