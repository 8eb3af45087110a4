/** The ids of the span that is active here, as other systems write them. */
import { trace } from "@opentelemetry/api";

/** Trace id of the active span: 32 lower-case hex digits, or `""` when there is none. */
export function currentTraceId(): string {
  return trace.getActiveSpan()?.spanContext().traceId ?? "";
}

/** Span id of the active span: 16 lower-case hex digits, or `""` when there is none. */
export function currentSpanId(): string {
  return trace.getActiveSpan()?.spanContext().spanId ?? "";
}
