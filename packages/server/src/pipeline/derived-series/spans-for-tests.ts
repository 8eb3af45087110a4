/** Batches of spans from short descriptions, and the samples of batches as lines of text. Tests only. */
import { defaultLimits, type SampleBatch, type SpanBatch } from "@triptych/model";
import { decodeOtlpTraces, drain } from "@triptych/wire";

export interface TestSpan {
  readonly service: string;
  readonly name?: string;
  /** Number of the trace, the span and its parent; 0 is none. */
  readonly trace?: number;
  readonly id?: number;
  readonly parent?: number;
  /** OTLP's number. */
  readonly kind?: number;
  readonly status?: number;
  readonly message?: string;
  readonly startMs: number;
  readonly ms: number;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly resource?: Readonly<Record<string, string>>;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
const attributes = (all: Readonly<Record<string, string>>) =>
  Object.entries(all).map(([key, value]) => ({ key, value: { stringValue: value } }));

export function spansOf(spans: readonly TestSpan[]): SpanBatch {
  const request = {
    resourceSpans: spans.map((span, index) => ({
      resource: { attributes: attributes({ "service.name": span.service, ...span.resource }) },
      scopeSpans: [
        {
          spans: [
            {
              traceId: hex(span.trace ?? 1, 32),
              spanId: hex(span.id ?? index + 1, 16),
              ...(span.parent ? { parentSpanId: hex(span.parent, 16) } : {}),
              name: span.name ?? "op",
              kind: span.kind ?? 2,
              startTimeUnixNano: `${span.startMs}000000`,
              endTimeUnixNano: `${span.startMs + span.ms}000000`,
              status: { code: span.status ?? 0, message: span.message ?? "" },
              attributes: attributes(span.attributes ?? {}),
            },
          ],
        },
      ],
    })),
  };
  const body = new TextEncoder().encode(JSON.stringify(request));
  return drain(decodeOtlpTraces(body, "json", { limits: defaultLimits })).batch;
}

/** One line a sample: `name{labels} value @ms`, in order; `stale` for a marker, `native` and counts for histograms. */
export function linesOf(batch: SampleBatch): string[] {
  const { series, samples, histograms } = batch;
  const words = new Uint32Array(samples.value.buffer);
  const name = (row: number): string => {
    const labels = series.labels(row).filter(([label]) => label !== "__name__");
    const inner = labels.map(([label, value]) => `${label}="${value}"`).join(",");
    return `${series.label(row, "__name__")}${inner === "" ? "" : `{${inner}}`}`;
  };
  const out: string[] = [];
  for (let row = 0; row < samples.rows; row++) {
    const isStale = words[row * 2] === 2 && words[row * 2 + 1] === 0x7ff00000;
    const value = isStale ? "stale" : Number((samples.value[row] as number).toPrecision(6));
    out.push(`${name(samples.series[row] as number)} ${value} @${samples.timeMs[row]}`);
  }
  for (let row = 0; row < histograms.rows; row++) {
    const text = `native count=${histograms.count[row]} schema=${histograms.schema[row]}`;
    out.push(`${name(histograms.series[row] as number)} ${text} @${histograms.timeMs[row]}`);
  }
  return out;
}
