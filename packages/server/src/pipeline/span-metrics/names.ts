/** What span metrics are called: as Tempo's generator or as the Collector's connector calls them. */
import type { SpanMetricsConfig } from "../../config/derive-schema.ts";
import type { DerivedShape } from "../derived-series/shape.ts";

/** OTLP's kinds and status codes by number, as both peers write them. */
export const SPAN_KINDS: readonly string[] = [
  "SPAN_KIND_UNSPECIFIED",
  "SPAN_KIND_INTERNAL",
  "SPAN_KIND_SERVER",
  "SPAN_KIND_CLIENT",
  "SPAN_KIND_PRODUCER",
  "SPAN_KIND_CONSUMER",
];
export const STATUS_CODES: readonly string[] = [
  "STATUS_CODE_UNSET",
  "STATUS_CODE_OK",
  "STATUS_CODE_ERROR",
];

export interface SpanMetricNames {
  readonly shape: DerivedShape;
  readonly service: string;
  /** From nanoseconds to the unit of the histogram. */
  readonly perNs: number;
}

/** Numbers of the instruments in the shape. */
export const CALLS = 0;
export const SIZE = 1;
export const LATENCY = 0;

export function spanMetricNames(config: SpanMetricsConfig): SpanMetricNames {
  const isTempo = config.names === "tempo";
  const prefix = isTempo ? "traces_spanmetrics" : "traces_span_metrics";
  const size = { name: `${prefix}_size_total`, help: "Bytes of the spans, about." };
  return {
    service: isTempo ? "service" : "service_name",
    perNs: isTempo ? 1e-9 : 1e-6,
    shape: {
      counters: [
        { name: `${prefix}_calls_total`, help: "Spans by operation." },
        ...(config.size ? [size] : []),
      ],
      histograms: [
        {
          name: isTempo ? `${prefix}_latency` : `${prefix}_duration_milliseconds`,
          help: "Durations of spans by operation.",
          unit: isTempo ? "seconds" : "milliseconds",
          bounds: isTempo
            ? config.histogramBuckets
            : config.histogramBuckets.map((bound) => bound * 1000),
          form: config.histograms,
        },
      ],
    },
  };
}
