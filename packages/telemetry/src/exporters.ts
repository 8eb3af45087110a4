/**
 * Makes the OTLP exporters. Only the chosen protocol's packages are loaded (gRPC alone costs some 10 MB), with
 * `require` so that configuration stays synchronous and is done before the application's next import runs.
 */
import type { Agent } from "node:http";
import { createRequire } from "node:module";
import type { Metadata } from "@grpc/grpc-js";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { LogRecordExporter } from "@opentelemetry/sdk-logs";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import {
  defaults,
  type Environment,
  isSignalOn,
  readNumber,
  resolveProtocol,
  resolveUrl,
  type Signal,
  type TelemetryOptions,
} from "./options.ts";

const load = createRequire(import.meta.url);

export interface Exporters {
  readonly traces: SpanExporter | undefined;
  readonly metrics: PushMetricExporter | undefined;
  readonly logs: LogRecordExporter | undefined;
  /** Cuts connections that are still busy, so that a dead receiver cannot hold the process. */
  close(): void;
}

type TraceModule = Pick<
  typeof import("@opentelemetry/exporter-trace-otlp-proto"),
  "OTLPTraceExporter"
>;
type MetricModule = Pick<
  typeof import("@opentelemetry/exporter-metrics-otlp-proto"),
  "OTLPMetricExporter"
>;
type LogModule = Pick<typeof import("@opentelemetry/exporter-logs-otlp-proto"), "OTLPLogExporter">;

const suffixes = { "http/protobuf": "proto", "http/json": "http", grpc: "grpc" } as const;

export function createExporters(
  options: TelemetryOptions,
  deps: { readonly env: Environment; readonly report: (error: unknown) => void },
): Exporters {
  const { env, report } = deps;
  const agents: Agent[] = [];
  const settings = (signal: Signal) => {
    const protocol = resolveProtocol(options, env, signal);
    const url = resolveUrl(options, env, { signal, protocol });
    const timeoutMillis = exportTimeoutMs(options, env);
    const common = { ...(url === undefined ? {} : { url }), timeoutMillis };
    const config =
      protocol === "grpc"
        ? { ...common, ...grpcHeaders(options) }
        : { ...common, ...httpHeaders(options), httpAgentOptions: agentFactory(agents) };
    return { config, suffix: suffixes[protocol] };
  };
  return {
    traces: isSignalOn(env, "traces")
      ? reporting(traceExporter(settings("traces")), report)
      : undefined,
    metrics: isSignalOn(env, "metrics")
      ? reporting(metricExporter(settings("metrics")), report)
      : undefined,
    logs: isSignalOn(env, "logs") ? reporting(logExporter(settings("logs")), report) : undefined,
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

function exportTimeoutMs(options: TelemetryOptions, env: Environment): number {
  return (
    options.exportTimeoutMs ??
    readNumber(env, "OTEL_EXPORTER_OTLP_TIMEOUT") ??
    defaults.exportTimeoutMs
  );
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}

/** The SDK's own hook for failures is module state, of which each installed copy of its core has one. */
function reporting<T, E extends Exporter<T>>(exporter: E, report: (error: unknown) => void): E {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) report(result.error);
      done(result);
    });
  return exporter;
}

interface Settings {
  readonly config: object;
  readonly suffix: string;
}

function traceExporter({ config, suffix }: Settings): SpanExporter {
  const module: TraceModule = load(`@opentelemetry/exporter-trace-otlp-${suffix}`);
  return new module.OTLPTraceExporter(config);
}

function metricExporter({ config, suffix }: Settings): PushMetricExporter {
  const module: MetricModule = load(`@opentelemetry/exporter-metrics-otlp-${suffix}`);
  return new module.OTLPMetricExporter(config);
}

function logExporter({ config, suffix }: Settings): LogRecordExporter {
  const module: LogModule = load(`@opentelemetry/exporter-logs-otlp-${suffix}`);
  return new module.OTLPLogExporter(config);
}

function httpHeaders(options: TelemetryOptions): { headers?: Record<string, string> } {
  return options.headers === undefined ? {} : { headers: { ...options.headers } };
}

function grpcHeaders(options: TelemetryOptions): { metadata?: Metadata } {
  if (options.headers === undefined) return {};
  const grpc: typeof import("@grpc/grpc-js") = load("@grpc/grpc-js");
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(options.headers)) metadata.set(key, value);
  return { metadata };
}

function agentFactory(agents: Agent[]) {
  return (protocol: string): Agent => {
    const http: typeof import("node:http") = load(
      protocol === "https:" ? "node:https" : "node:http",
    );
    const agent = new http.Agent({ keepAlive: true });
    agents.push(agent);
    return agent;
  };
}
