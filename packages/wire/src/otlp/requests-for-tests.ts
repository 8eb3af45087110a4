/** Requests as fast-check arbitraries and decoders under test defaults. For tests only. */
import { defaultLimits, type Limits } from "@triptych/model";
import fc from "fast-check";
import { encodeForTests } from "./encode-for-tests.ts";
import { decodeOtlpLogs } from "./logs.ts";
import { decodeOtlpMetrics } from "./metrics.ts";
import { logRows, sampleRows, spanRows } from "./rows-for-tests.ts";
import { drain, type OtlpEncoding } from "./steps.ts";
import { decodeOtlpTraces } from "./traces.ts";

export const ARRIVAL_NS = 1_700_000_123_456_789_012n;
export const NOW_MS = 1_800_000_000_000;
export type Message = "Traces" | "Logs" | "Metrics";

const encoder = new TextEncoder();
export const jsonBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

/** Decodes and turns the batch into rows. */
export function decodeRows(
  message: Message,
  encoding: OtlpEncoding,
  body: Uint8Array,
  limits: Limits = defaultLimits,
): { rows: unknown; rejected: number; reason: string } {
  if (message === "Traces") {
    const { batch, rejected, reason } = drain(decodeOtlpTraces(body, encoding, { limits }));
    return { rows: spanRows(batch), rejected, reason };
  }
  if (message === "Logs") {
    const { batch, rejected, reason } = drain(
      decodeOtlpLogs(body, encoding, { limits, arrivalNs: ARRIVAL_NS }),
    );
    return { rows: logRows(batch), rejected, reason };
  }
  const { batch, rejected, reason } = drain(
    decodeOtlpMetrics(body, encoding, { limits, nowMs: NOW_MS }),
  );
  return { rows: sampleRows(batch), rejected, reason };
}

/** The same request in both encodings. */
export function bothEncodings(message: Message, request: unknown): [OtlpEncoding, Uint8Array][] {
  return [
    ["protobuf", encodeForTests(message, request)],
    ["json", jsonBytes(request)],
  ];
}

const text = fc.oneof(
  fc.string({ maxLength: 12, unit: "grapheme" }),
  fc.constantFrom(
    "service.name",
    "__proto__",
    "constructor",
    'quote " \\ /',
    "tab\tline\n",
    "\u0001",
  ),
);
const hexId = (bytes: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((id) => Buffer.from(id).toString("hex"));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
/** Doubles that JSON.stringify keeps; the others are written as OTLP's JSON does. */
const double = fc
  .double()
  .map((value) => (Number.isFinite(value) && !Object.is(value, -0) ? value : jsonName(value)));
const jsonName = (value: number): number | string => (Object.is(value, -0) ? "-0" : String(value));
const uint32 = fc.nat({ max: 0xffff_ffff });
const timeNs = fc.bigInt({ min: 1n, max: BigInt(NOW_MS) * 1_000_000n }).map(String);

const { anyValue } = fc.letrec<{ anyValue: object }>((tie) => ({
  anyValue: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.record({ stringValue: text }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: double }),
    fc.record({
      bytesValue: fc.uint8Array({ maxLength: 9 }).map((b) => Buffer.from(b).toString("base64")),
    }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie("anyValue"), { maxLength: 3 }) }) }),
    fc.record({
      kvlistValue: fc.record({
        values: fc.array(fc.record({ key: text, value: tie("anyValue") }), { maxLength: 3 }),
      }),
    }),
  ),
}));

const attributes = fc.array(fc.record({ key: text, value: anyValue }), { maxLength: 5 });
const partly = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

const mostly = <T>(arbitrary: fc.Arbitrary<T>, rare: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary }, { weight: 1, arbitrary: fc.constant(rare) });

const optionalSpan = partly({
  parentSpanId: fc.oneof(hexId(8), fc.constant("")),
  traceState: text,
  name: text,
  kind: fc.nat({ max: 6 }),
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  droppedAttributesCount: uint32,
  events: fc.array(
    partly({ timeUnixNano: uint64, name: text, attributes, droppedAttributesCount: uint32 }),
    { maxLength: 3 },
  ),
  droppedEventsCount: uint32,
  links: fc.array(
    partly({ traceId: hexId(16), spanId: hexId(8), traceState: text, attributes, flags: uint32 }),
    { maxLength: 3 },
  ),
  status: partly({ message: text, code: fc.nat({ max: 3 }) }),
  flags: uint32,
});
const span = fc
  .tuple(mostly(hexId(16), ""), mostly(hexId(8), "0000000000000000"), optionalSpan)
  .map(([traceId, spanId, rest]) => ({ traceId, spanId, ...rest }));
const record = partly({
  timeUnixNano: fc.oneof(uint64, fc.constant("0")),
  observedTimeUnixNano: fc.oneof(uint64, fc.constant("0")),
  severityNumber: fc.nat({ max: 25 }),
  severityText: text,
  body: anyValue,
  attributes,
  droppedAttributesCount: uint32,
  flags: uint32,
  traceId: fc.oneof(hexId(16), hexId(4), fc.constant("")),
  spanId: fc.oneof(hexId(8), fc.constant("")),
  eventName: text,
});
const exemplars = fc.array(
  partly({
    timeUnixNano: timeNs,
    asDouble: double,
    spanId: hexId(8),
    traceId: hexId(16),
    filteredAttributes: attributes,
  }),
  { maxLength: 2 },
);
const pointHead = {
  attributes,
  startTimeUnixNano: timeNs,
  timeUnixNano: timeNs,
  flags: fc.nat({ max: 1 }),
};
const counts = fc.array(fc.nat({ max: 9 }).map(String), { maxLength: 8 });
const buckets = fc.record({ offset: fc.integer({ min: -500, max: 500 }), bucketCounts: counts });
const distribution = { ...pointHead, count: uint64, sum: double };
const numberPoints = fc.array(
  fc.oneof(
    partly({ ...pointHead, asDouble: double, exemplars }),
    partly({ ...pointHead, asInt: int64, exemplars }),
  ),
  { maxLength: 3 },
);
const temporality = fc.nat({ max: 2 });
const metricHead = {
  name: text,
  description: text,
  unit: fc.constantFrom("", "1", "s", "By", "By/s", "{x}"),
};
const metric = fc.oneof(
  partly({ ...metricHead, gauge: fc.record({ dataPoints: numberPoints }) }),
  partly({
    ...metricHead,
    sum: fc.record({
      dataPoints: numberPoints,
      aggregationTemporality: temporality,
      isMonotonic: fc.boolean(),
    }),
  }),
  partly({
    ...metricHead,
    histogram: fc.record({
      dataPoints: fc.array(
        partly({
          ...distribution,
          bucketCounts: counts,
          explicitBounds: fc.array(double, { maxLength: 6 }),
          exemplars,
        }),
        { maxLength: 3 },
      ),
      aggregationTemporality: temporality,
    }),
  }),
  partly({
    ...metricHead,
    exponentialHistogram: fc.record({
      dataPoints: fc.array(
        partly({
          ...distribution,
          scale: fc.integer({ min: -5, max: 20 }),
          zeroCount: uint64,
          zeroThreshold: double,
          positive: buckets,
          negative: buckets,
          exemplars,
        }),
        { maxLength: 3 },
      ),
      aggregationTemporality: temporality,
    }),
  }),
  partly({
    ...metricHead,
    summary: fc.record({
      dataPoints: fc.array(
        partly({
          ...distribution,
          quantileValues: fc.array(fc.record({ quantile: double, value: double }), {
            maxLength: 3,
          }),
        }),
        { maxLength: 3 },
      ),
    }),
  }),
);
const resource = partly({ attributes });
const scope = partly({ name: text, version: text, attributes });

const few = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength: 3 });
const scoped = (items: string, item: fc.Arbitrary<unknown>): fc.Arbitrary<object> =>
  fc.record({ scope, schemaUrl: text, [items]: few(item) }, { requiredKeys: [items] });

export const requests: Readonly<Record<Message, fc.Arbitrary<object>>> = {
  Traces: fc.record({
    resourceSpans: few(
      fc.record({ resource, schemaUrl: text, scopeSpans: few(scoped("spans", span)) }),
    ),
  }),
  Logs: fc.record({
    resourceLogs: few(
      fc.record({ resource, schemaUrl: text, scopeLogs: few(scoped("logRecords", record)) }),
    ),
  }),
  Metrics: fc.record({
    resourceMetrics: few(
      fc.record({ resource, schemaUrl: text, scopeMetrics: few(scoped("metrics", metric)) }),
    ),
  }),
};

/** The members of all objects turned around: decoders must not depend on their order. */
export function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
