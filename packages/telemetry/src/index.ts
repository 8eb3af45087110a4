/**
 * `@triptych/telemetry`: what an application uses to send traces, metrics and logs over OTLP.
 * `configureTelemetry` once at start, `getTelemetry` anywhere.
 */
export type { Attributes, Span } from "@opentelemetry/api";
export type { LogAttributes } from "@opentelemetry/api-logs";
export { configureTelemetry, type TelemetryHandle } from "./configure-telemetry.ts";
export { currentSpanId, currentTraceId } from "./current-span.ts";
export type { OtlpProtocol, TelemetryOptions } from "./options.ts";
export {
  type Counter,
  type Gauge,
  getTelemetry,
  type Histogram,
  type HistogramOptions,
  type InstrumentOptions,
  type LogFields,
  type SpanKindName,
  type SpanOptions,
  type Telemetry,
  type UpDownCounter,
} from "./telemetry.ts";
