/**
 * Sets OpenTelemetry up for a process: resource, providers, exporters, propagation, instrumentations.
 * In comes `TelemetryOptions` and the environment; out goes a handle that flushes and undoes everything.
 */
import { hostname } from "node:os";
import {
  context,
  DiagConsoleLogger,
  diag,
  metrics,
  propagation,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import { logs } from "@opentelemetry/api-logs";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  diagLogLevelFromString,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { createExporters, type Exporters } from "./exporters.ts";
import { startInstrumentations } from "./instrumentations.ts";
import {
  defaults,
  type Environment,
  readNumber,
  readText,
  type TelemetryOptions,
} from "./options.ts";

export interface TelemetryHandle {
  /**
   * Sends what is still held back, stops exporting and removes the instrumentations. Never rejects; resolves
   * after `shutdownTimeoutMs` at the latest; safe to call twice (both calls give the same promise).
   */
  shutdown(): Promise<void>;
  /** Sends what is held back now and goes on. Never rejects; bounded by `exportTimeoutMs`. */
  flush(): Promise<void>;
}

interface Providers {
  readonly tracer: BasicTracerProvider;
  readonly meter: MeterProvider;
  readonly logger: LoggerProvider;
}

/**
 * Call it once, before frameworks are imported (see the README for ES modules).
 *
 * ```ts
 * const telemetry = configureTelemetry({ serviceName: "checkout", serviceVersion: "1.4.2" });
 * process.once("SIGTERM", () => telemetry.shutdown().then(() => process.exit(0)));
 * ```
 *
 * With `OTEL_SDK_DISABLED=true` nothing is set up and the handle does nothing. Exports that fail are retried
 * within their time and then dropped; they never throw into the application.
 *
 * @throws Error when the process is configured already, RangeError or TypeError when an option is malformed.
 */
export function configureTelemetry(options: TelemetryOptions = {}): TelemetryHandle {
  const env: Environment = process.env;
  if (readText(env, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") {
    return { shutdown: () => Promise.resolve(), flush: () => Promise.resolve() };
  }
  const report = startDiagnostics(options, env);
  const exporters = createExporters(options, { env, report });
  const providers = createProviders(options, { env, exporters });
  registerGlobally(providers);
  const stopInstrumentations = startInstrumentations(options);
  const running = { exporters, providers, stopInstrumentations };
  const handle = createHandle(options, running);
  if (options.shutdownOnSignals === true) shutdownOnSignals(handle);
  return handle;
}

/** Gives what failures are told to; it never throws. */
function startDiagnostics(options: TelemetryOptions, env: Environment): (error: unknown) => void {
  const level = diagLogLevelFromString(readText(env, "OTEL_LOG_LEVEL"));
  if (level !== undefined) diag.setLogger(new DiagConsoleLogger(), { logLevel: level });
  const onError = options.onError ?? ((error) => diag.error("export failed", error));
  return (error: unknown) => {
    try {
      onError(error);
    } catch (thrown) {
      diag.error("onError threw", thrown);
    }
  };
}

function createProviders(
  options: TelemetryOptions,
  deps: { readonly env: Environment; readonly exporters: Exporters },
): Providers {
  const { env, exporters } = deps;
  const resource = createResource(options);
  const scheduledDelayMillis =
    options.batchDelayMs ?? readNumber(env, "OTEL_BSP_SCHEDULE_DELAY") ?? defaults.batchDelayMs;
  const spanProcessors = [...(options.spanProcessors ?? [])];
  if (exporters.traces !== undefined) {
    spanProcessors.push(new BatchSpanProcessor(exporters.traces, { scheduledDelayMillis }));
  }
  const readers = [...(options.metricReaders ?? [])];
  if (exporters.metrics !== undefined) {
    const intervalMs =
      options.metricIntervalMs ??
      readNumber(env, "OTEL_METRIC_EXPORT_INTERVAL") ??
      defaults.metricIntervalMs;
    const timeoutMs = options.exportTimeoutMs ?? defaults.exportTimeoutMs;
    readers.push(
      new PeriodicExportingMetricReader({
        exporter: exporters.metrics,
        exportIntervalMillis: intervalMs,
        // The reader insists on a timeout that is no longer than its interval.
        exportTimeoutMillis: Math.min(intervalMs, timeoutMs),
      }),
    );
  }
  const processors =
    exporters.logs === undefined
      ? []
      : [new BatchLogRecordProcessor({ exporter: exporters.logs, scheduledDelayMillis })];
  return {
    tracer: new BasicTracerProvider({ resource, spanProcessors }),
    meter: new MeterProvider({ resource, readers }),
    logger: new LoggerProvider({ resource, processors }),
  };
}

/** From weak to strong: what we find out, the environment's variables, the options. */
function createResource(options: TelemetryOptions): Resource {
  const found = resourceFromAttributes({
    "host.name": hostname(),
    "process.pid": process.pid,
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    "telemetry.distro.name": "triptych",
  });
  const { serviceName, serviceVersion, environment } = options;
  const given = resourceFromAttributes({
    ...(serviceVersion === undefined ? {} : { "service.version": serviceVersion }),
    ...(environment === undefined
      ? {}
      : // Tools and dashboards of before 2024 know the shorter, older name only.
        { "deployment.environment.name": environment, "deployment.environment": environment }),
    ...options.resourceAttributes,
    ...(serviceName === undefined ? {} : { "service.name": serviceName }),
  });
  return defaultResource()
    .merge(found)
    .merge(detectResources({ detectors: [serviceInstanceIdDetector] }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(given);
}

/** @throws Error when another configuration is active: two would each see half of the telemetry. */
function registerGlobally(providers: Providers): void {
  if (!trace.setGlobalTracerProvider(providers.tracer)) {
    throw new Error(
      "Telemetry is configured already in this process, perhaps by --import @triptych/telemetry/register: " +
        "keep one of the two, or call shutdown() first",
    );
  }
  metrics.setGlobalMeterProvider(providers.meter);
  logs.setGlobalLoggerProvider(providers.logger);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const propagators: TextMapPropagator[] = [
    new W3CTraceContextPropagator(),
    new W3CBaggagePropagator(),
  ];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
}

interface Running {
  readonly exporters: Exporters;
  readonly providers: Providers;
  readonly stopInstrumentations: () => void;
}

function createHandle(options: TelemetryOptions, running: Running): TelemetryHandle {
  const { exporters, providers } = running;
  const all = [providers.tracer, providers.logger, providers.meter];
  const settle = async (work: readonly Promise<void>[], timeoutMs: number) => {
    // What failed has been reported by the exporter.
    await within(Promise.allSettled(work), timeoutMs);
  };
  const stop = async () => {
    process.removeListener("beforeExit", atExit);
    running.stopInstrumentations();
    const work = all.map((provider) => provider.shutdown());
    await settle(work, options.shutdownTimeoutMs ?? defaults.shutdownTimeoutMs);
    exporters.close();
    unregister();
  };
  let stopping: Promise<void> | undefined;
  const handle: TelemetryHandle = {
    shutdown() {
      stopping ??= stop();
      return stopping;
    },
    async flush() {
      if (stopping !== undefined) return stopping;
      const work = all.map((provider) => provider.forceFlush());
      await settle(work, options.exportTimeoutMs ?? defaults.exportTimeoutMs);
    },
  };
  // A program whose event loop runs dry ends without a signal: this is the last chance to send.
  const atExit = () => void handle.shutdown();
  process.once("beforeExit", atExit);
  return handle;
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}

function unregister(): void {
  trace.disable();
  metrics.disable();
  logs.disable();
  context.disable();
  propagation.disable();
}

/** Ends the process by the same signal afterwards, so that its parent sees the truth. */
function shutdownOnSignals(handle: TelemetryHandle): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      const appDecides = process.listenerCount(signal) > 0;
      void handle.shutdown().then(() => {
        if (!appDecides) process.kill(process.pid, signal);
      });
    });
  }
}
