/**
 * What `configureTelemetry` takes, and how it joins with OpenTelemetry's environment variables: a given
 * option wins over the variable, the variable wins over the default.
 */
import type { Instrumentation } from "@opentelemetry/instrumentation";
import type { IMetricReader } from "@opentelemetry/sdk-metrics";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base";

export type OtlpProtocol = "http/protobuf" | "grpc" | "http/json";

export interface TelemetryOptions {
  /** `service.name`: what the service is called everywhere. Default `OTEL_SERVICE_NAME`, else `unknown_service:node`. */
  readonly serviceName?: string;
  /** `service.version`, e.g. `"1.4.2"` or a commit. */
  readonly serviceVersion?: string;
  /** `deployment.environment.name` (and the older `deployment.environment`), e.g. `"production"`. */
  readonly environment?: string;
  /**
   * Base address of the OTLP receiver; for HTTP `/v1/traces`, `/v1/metrics`, `/v1/logs` are added to it.
   * Default `OTEL_EXPORTER_OTLP_ENDPOINT`, else `http://127.0.0.1:4318` (gRPC: `http://127.0.0.1:4317`).
   */
  readonly endpoint?: string;
  /** Sent with every export, e.g. `{ authorization: "Bearer …" }`. Default `OTEL_EXPORTER_OTLP_HEADERS`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `OTEL_EXPORTER_OTLP_PROTOCOL`, else `"http/protobuf"`. */
  readonly protocol?: OtlpProtocol;
  /** Joined with `OTEL_RESOURCE_ATTRIBUTES`; these win. */
  readonly resourceAttributes?: Readonly<Record<string, string | number | boolean>>;
  /** How often metrics are sent. Default `OTEL_METRIC_EXPORT_INTERVAL`, else 10,000 ms. */
  readonly metricIntervalMs?: number;
  /** How long spans and log records wait for company before they are sent. Default `OTEL_BSP_SCHEDULE_DELAY`, else 1,000 ms. */
  readonly batchDelayMs?: number;
  /** One export, with all its retries, gives up after this. Default `OTEL_EXPORTER_OTLP_TIMEOUT`, else 5,000 ms. */
  readonly exportTimeoutMs?: number;
  /** `shutdown()` resolves no later than this. Default 3,000 ms. */
  readonly shutdownTimeoutMs?: number;
  /** Trace http, fetch/undici, express and fastify without code in the application. Default true. */
  readonly instrument?: boolean;
  /** Further OpenTelemetry instrumentations, e.g. `new PgInstrumentation()`. */
  readonly instrumentations?: readonly Instrumentation[];
  /** Requests whose path (without query) is listed are not traced, e.g. `["/health", "/metrics"]`. */
  readonly ignorePaths?: readonly string[];
  /** Further metric readers, e.g. a Prometheus exporter for `GET /metrics`. */
  readonly metricReaders?: readonly IMetricReader[];
  /** Further span processors; they run before the exporting one. */
  readonly spanProcessors?: readonly SpanProcessor[];
  /** Flush and end the process on SIGTERM and SIGINT when the application has no handler of its own. Default false. */
  readonly shutdownOnSignals?: boolean;
  /** Hears of exports that failed. Default: OpenTelemetry's diagnostics, which `OTEL_LOG_LEVEL` turns on. */
  readonly onError?: (error: unknown) => void;
}

/** Which environment variables are read; injected so that tests need not change the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Signal = "traces" | "metrics" | "logs";

export const defaults = {
  httpEndpoint: "http://127.0.0.1:4318",
  grpcEndpoint: "http://127.0.0.1:4317",
  /** OpenTelemetry's 60 s hides a one-minute incident until it is over. */
  metricIntervalMs: 10_000,
  batchDelayMs: 1_000,
  /** Also bounds how long a dead receiver can hold the end of a process. */
  exportTimeoutMs: 5_000,
  shutdownTimeoutMs: 3_000,
} as const;

const protocols: readonly OtlpProtocol[] = ["http/protobuf", "grpc", "http/json"];

/** A variable's text; empty counts as unset, as OpenTelemetry has it. */
export function readText(env: Environment, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === "" ? undefined : text;
}

/** A variable's positive number, or undefined when it is unset or is none. */
export function readNumber(env: Environment, name: string): number | undefined {
  const number = Number(readText(env, name) ?? Number.NaN);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

/** @throws RangeError when the protocol is none of the three. */
export function resolveProtocol(
  options: TelemetryOptions,
  env: Environment,
  signal: Signal,
): OtlpProtocol {
  const wanted =
    options.protocol ??
    readText(env, `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_PROTOCOL`) ??
    readText(env, "OTEL_EXPORTER_OTLP_PROTOCOL") ??
    "http/protobuf";
  const known = protocols.find((protocol) => protocol === wanted);
  if (known === undefined) {
    throw new RangeError(`OTLP protocol "${wanted}" is none of ${protocols.join(", ")}`);
  }
  return known;
}

/**
 * The address to hand to an exporter, or undefined when OpenTelemetry's variables name one: the exporters
 * read those themselves.
 * @throws TypeError when `options.endpoint` is not a URL.
 */
export function resolveUrl(
  options: TelemetryOptions,
  env: Environment,
  target: { readonly signal: Signal; readonly protocol: OtlpProtocol },
): string | undefined {
  const { signal, protocol } = target;
  const variable = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`;
  if (options.endpoint === undefined) {
    const named = readText(env, variable) ?? readText(env, "OTEL_EXPORTER_OTLP_ENDPOINT");
    if (named !== undefined) return undefined;
  }
  const fallback = protocol === "grpc" ? defaults.grpcEndpoint : defaults.httpEndpoint;
  const base = new URL(options.endpoint ?? fallback);
  if (protocol === "grpc") return base.href;
  base.pathname = `${base.pathname.replace(/\/+$/, "")}/v1/${signal}`;
  return base.href;
}

/** False when `OTEL_TRACES_EXPORTER=none` and its like switch a signal off. */
export function isSignalOn(env: Environment, signal: Signal): boolean {
  return readText(env, `OTEL_${signal.toUpperCase()}_EXPORTER`) !== "none";
}
