/**
 * Properties of any request: both encodings and any order of fields decode to the same rows, and damaged bodies
 * give errors of the wire only. `TRIPTYCH_FUZZ_RUNS` multiplies the number of cases.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeForTests } from "./encode-for-tests.ts";
import {
  bothEncodings,
  decodeRows,
  jsonBytes,
  type Message,
  NOW_MS,
  outcome,
  reversed,
} from "./requests-for-tests.ts";

const runs = (count: number): { numRuns: number } => ({
  numRuns: count * Number(process.env["TRIPTYCH_FUZZ_RUNS"] ?? 1),
});

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

const requests: Readonly<Record<Message, fc.Arbitrary<object>>> = {
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

const messages: Message[] = ["Traces", "Logs", "Metrics"];

test.each(messages)("%s: protobuf and JSON give the same rows", (message) => {
  fc.assert(
    fc.property(requests[message], (request) => {
      const [protobuf, json] = bothEncodings(message, request).map(([encoding, body]) =>
        decodeRows(message, encoding, body),
      );
      expect(json).toEqual(protobuf);
    }),
    runs(300),
  );
});

test.each(messages)("%s: the order of fields does not matter", (message) => {
  fc.assert(
    fc.property(requests[message], (request) => {
      const want = decodeRows(message, "json", jsonBytes(request));
      const backwards = encodeForTests(message, request, (names) => [...names].reverse());
      expect(decodeRows(message, "protobuf", backwards)).toEqual(want);
      expect(decodeRows(message, "json", jsonBytes(reversed(request)))).toEqual(want);
    }),
    runs(200),
  );
});

describe.each(messages)("%s", (message) => {
  test("every truncation of JSON is malformed", () => {
    fc.assert(
      fc.property(requests[message], fc.nat(), (request, seed) => {
        const body = jsonBytes(request);
        const size = seed % body.length;
        expect(outcome(message, "json", body.subarray(0, size))).toBe("wire_malformed");
      }),
      runs(150),
    );
  });

  test("truncations and flipped bits give errors of the wire only", () => {
    const change = fc.record({ at: fc.nat(), bit: fc.nat({ max: 7 }), keep: fc.nat() });
    fc.assert(
      fc.property(
        requests[message],
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (request, changes) => {
          for (const [encoding, original] of bothEncodings(message, request)) {
            if (original.length === 0) continue;
            const body = Uint8Array.from(original);
            for (const { at, bit } of changes)
              body[at % body.length] = (body[at % body.length] as number) ^ (1 << bit);
            outcome(message, encoding, body);
            outcome(message, encoding, body.subarray(0, (changes[0]?.keep ?? 0) % body.length));
          }
        },
      ),
      runs(300),
    );
  });

  test("random bytes give errors of the wire only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        outcome(message, "protobuf", body);
        outcome(message, "json", body);
      }),
      runs(500),
    );
  });
});
