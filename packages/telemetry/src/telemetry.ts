/**
 * `getTelemetry(name)`: one object for spans, metrics and logs. It may be made, and its instruments too, before
 * `configureTelemetry` has run: what is recorded before that is dropped, what comes after is sent.
 */
import {
  type Attributes,
  type MetricOptions,
  type Meter,
  metrics,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { type LogAttributes, logs, SeverityNumber } from "@opentelemetry/api-logs";
import { currentTraceId } from "./current-span.ts";
import { describeError } from "./describe-error.ts";

export interface InstrumentOptions {
  /** UCUM: `s`, `By`, `{order}`. The name Prometheus shows ends in the unit, unless it does already. */
  readonly unit?: string;
  readonly description?: string;
}
export interface HistogramOptions extends InstrumentOptions {
  /** Upper bounds of the buckets, rising. Default for unit `s`: 5 ms to 10 s; else OpenTelemetry's 0 to 10,000. */
  readonly boundaries?: readonly number[];
}

/** Only rises: requests served, bytes sent. Negative values are dropped. */
export interface Counter {
  add(value: number, attributes?: Attributes): void;
}
/** Rises and falls, is summed over instances: requests in flight. */
export interface UpDownCounter {
  add(value: number, attributes?: Attributes): void;
}
/** A distribution: durations, sizes. Values are in the instrument's unit. */
export interface Histogram {
  record(value: number, attributes?: Attributes): void;
}
/** The last value counts, summing makes no sense: a temperature, a queue's depth. */
export interface Gauge {
  record(value: number, attributes?: Attributes): void;
}

export type SpanKindName = "internal" | "server" | "client" | "producer" | "consumer";

export interface SpanOptions {
  readonly name: string;
  readonly attributes?: Attributes;
  /** Default `internal`. `client` marks a call to another system. */
  readonly kind?: SpanKindName;
  readonly links?: readonly Link[];
}

/** Attributes of a log record. `error`, an Error, becomes `exception.type`, `exception.message`, `exception.stacktrace`. */
export type LogFields =
  | LogAttributes
  | { readonly error: unknown; readonly [key: string]: unknown };

export type Log = (message: string, attributes?: LogFields, error?: unknown) => void;

export interface Telemetry {
  /**
   * Runs `fn` inside a new span, a child of the active one, and returns what `fn` returns. A promise is awaited
   * before the span ends. What `fn` throws is recorded on the span, sets its status to error and is thrown on.
   */
  trace<T>(name: string, fn: (span: Span) => T): T;
  trace<T>(name: string, attributes: Attributes, fn: (span: Span) => T): T;
  /** As `trace`, with the span's kind and links. */
  span<T>(options: SpanOptions, fn: (span: Span) => T): T;

  counter(name: string, options?: InstrumentOptions): Counter;
  upDownCounter(name: string, options?: InstrumentOptions): UpDownCounter;
  histogram(name: string, options?: HistogramOptions): Histogram;
  gauge(name: string, options?: InstrumentOptions): Gauge;

  /** Each record carries the trace and span id of the active span. */
  readonly logTrace: Log;
  readonly logDebug: Log;
  readonly logInfo: Log;
  readonly logWarning: Log;
  readonly logError: Log;
  readonly logFatal: Log;

  /** Trace id of the active span: 32 lower-case hex digits, or `""` when there is none. */
  currentTraceId(): string;
}

/** @param name Who speaks, e.g. the package or the part of the program: becomes the instrumentation scope. */
export function getTelemetry(name: string, version?: string): Telemetry {
  const log =
    (severityNumber: SeverityNumber, severityText: string): Log =>
    (message, attributes, error) => {
      const record = { severityNumber, severityText, body: message };
      logs
        .getLogger(name, version)
        .emit({ ...record, attributes: logAttributes(attributes, error) });
    };
  const span = <T>(options: SpanOptions, fn: (span: Span) => T): T =>
    runInSpan({ ...options, scope: name, version }, fn);
  const meter = { name, version };
  return {
    trace<T>(spanName: string, ...rest: TraceArguments<T>): T {
      return rest.length === 1
        ? span({ name: spanName }, rest[0])
        : span({ name: spanName, attributes: rest[0] }, rest[1]);
    },
    span,
    counter: (id, options) => adder(meter, (m) => m.createCounter(id, plain(options))),
    upDownCounter: (id, options) => adder(meter, (m) => m.createUpDownCounter(id, plain(options))),
    histogram: (id, options) =>
      recorder(meter, (m) => m.createHistogram(id, histogramOptions(options))),
    gauge: (id, options) => recorder(meter, (m) => m.createGauge(id, plain(options))),
    logTrace: log(SeverityNumber.TRACE, "TRACE"),
    logDebug: log(SeverityNumber.DEBUG, "DEBUG"),
    logInfo: log(SeverityNumber.INFO, "INFO"),
    logWarning: log(SeverityNumber.WARN, "WARN"),
    logError: log(SeverityNumber.ERROR, "ERROR"),
    logFatal: log(SeverityNumber.FATAL, "FATAL"),
    currentTraceId,
  };
}

type TraceArguments<T> = [fn: (span: Span) => T] | [attributes: Attributes, fn: (span: Span) => T];

const spanKinds: Readonly<Record<SpanKindName, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

function runInSpan<T>(
  options: SpanOptions & { readonly scope: string; readonly version: string | undefined },
  fn: (span: Span) => T,
): T {
  const { attributes = {}, kind = "internal", links = [] } = options;
  const spanOptions = { attributes, kind: spanKinds[kind], links: [...links] };
  const tracer = trace.getTracer(options.scope, options.version);
  return tracer.startActiveSpan(options.name, spanOptions, (span) => {
    let result: T;
    try {
      result = fn(span);
    } catch (error) {
      endWithError(span, error);
      throw error;
    }
    if (!isPromiseLike(result)) {
      span.end();
      return result;
    }
    const ended = result.then(
      (value) => {
        span.end();
        return value;
      },
      (error: unknown) => {
        endWithError(span, error);
        throw error;
      },
    );
    return ended as T;
  });
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

function endWithError(span: Span, error: unknown): void {
  const { type, message } = describeError(error);
  span.recordException(error instanceof Error ? error : message);
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

function logAttributes(fields: LogFields | undefined, error: unknown): LogAttributes {
  const { error: inFields, ...rest } = { error: undefined, ...fields };
  const attributes = rest as LogAttributes;
  const cause = error ?? inFields;
  if (cause === undefined || cause === null) return attributes;
  if (error === undefined && !(cause instanceof Error)) {
    // A plain value under the key `error` is an attribute like any other.
    return { ...attributes, error: cause as LogAttributes[string] };
  }
  const { type, message, stack } = describeError(cause);
  return {
    ...attributes,
    "exception.type": type,
    "exception.message": message,
    ...(stack === undefined ? {} : { "exception.stacktrace": stack }),
  };
}

interface Scope {
  readonly name: string;
  readonly version: string | undefined;
}

/** Makes the instrument at first use and anew when `configureTelemetry` has put another provider in place. */
function lazily<T>(scope: Scope, create: (meter: Meter) => T): () => T {
  let made: { readonly provider: object; readonly instrument: T } | undefined;
  return () => {
    const provider = metrics.getMeterProvider();
    if (made?.provider !== provider) {
      made = { provider, instrument: create(provider.getMeter(scope.name, scope.version)) };
    }
    return made.instrument;
  };
}

function adder(scope: Scope, create: (meter: Meter) => Counter): Counter {
  const instrument = lazily(scope, create);
  return { add: (value, attributes) => instrument().add(value, attributes) };
}

function recorder(scope: Scope, create: (meter: Meter) => Histogram): Histogram {
  const instrument = lazily(scope, create);
  return { record: (value, attributes) => instrument().record(value, attributes) };
}

function plain(options: InstrumentOptions = {}): MetricOptions {
  const { unit, description } = options;
  return {
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description }),
  };
}

/** OpenTelemetry's advice for durations; its default bounds are meant for milliseconds. */
const boundariesSeconds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

function histogramOptions(options: HistogramOptions = {}): MetricOptions {
  const boundaries = options.boundaries ?? (options.unit === "s" ? boundariesSeconds : undefined);
  if (boundaries === undefined) return plain(options);
  return { ...plain(options), advice: { explicitBucketBoundaries: [...boundaries] } };
}
