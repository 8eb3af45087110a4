/**
 * Encodes an OTLP request given as an object in the JSON mapping to protobuf, by a table of the .proto files.
 * For tests only: it shares nothing with the decoders, so that comparing both encodings finds mistakes in either.
 */

type FieldType =
  | "string"
  | "bytes"
  | "hex"
  | "bool"
  | "int64"
  | "uint64"
  | "sint32"
  | "fixed32"
  | "fixed64"
  | "sfixed64"
  | "double";
type Field = readonly [number: number, type: string];
type Schema = Readonly<Record<string, Field>>;

const attributes = "KeyValue*";
const numberPoint: Schema = {
  startTimeUnixNano: [2, "fixed64"],
  timeUnixNano: [3, "fixed64"],
  asDouble: [4, "double"],
  exemplars: [5, "Exemplar*"],
  asInt: [6, "sfixed64"],
  attributes: [7, attributes],
  flags: [8, "uint64"],
};

const schemas: Readonly<Record<string, Schema>> = {
  Traces: { resourceSpans: [1, "ResourceSpans*"] },
  Logs: { resourceLogs: [1, "ResourceLogs*"] },
  Metrics: { resourceMetrics: [1, "ResourceMetrics*"] },
  ResourceSpans: {
    resource: [1, "Resource"],
    scopeSpans: [2, "ScopeSpans*"],
    schemaUrl: [3, "string"],
  },
  ResourceLogs: {
    resource: [1, "Resource"],
    scopeLogs: [2, "ScopeLogs*"],
    schemaUrl: [3, "string"],
  },
  ResourceMetrics: {
    resource: [1, "Resource"],
    scopeMetrics: [2, "ScopeMetrics*"],
    schemaUrl: [3, "string"],
  },
  ScopeSpans: { scope: [1, "Scope"], spans: [2, "Span*"], schemaUrl: [3, "string"] },
  ScopeLogs: { scope: [1, "Scope"], logRecords: [2, "LogRecord*"], schemaUrl: [3, "string"] },
  ScopeMetrics: { scope: [1, "Scope"], metrics: [2, "Metric*"], schemaUrl: [3, "string"] },
  Resource: { attributes: [1, attributes], droppedAttributesCount: [2, "uint64"] },
  Scope: {
    name: [1, "string"],
    version: [2, "string"],
    attributes: [3, attributes],
    droppedAttributesCount: [4, "uint64"],
  },
  KeyValue: { key: [1, "string"], value: [2, "AnyValue"] },
  AnyValue: {
    stringValue: [1, "string"],
    boolValue: [2, "bool"],
    intValue: [3, "int64"],
    doubleValue: [4, "double"],
    arrayValue: [5, "ArrayValue"],
    kvlistValue: [6, "KeyValueList"],
    bytesValue: [7, "bytes"],
  },
  ArrayValue: { values: [1, "AnyValue*"] },
  KeyValueList: { values: [1, "KeyValue*"] },
  Span: {
    traceId: [1, "hex"],
    spanId: [2, "hex"],
    traceState: [3, "string"],
    parentSpanId: [4, "hex"],
    name: [5, "string"],
    kind: [6, "int64"],
    startTimeUnixNano: [7, "fixed64"],
    endTimeUnixNano: [8, "fixed64"],
    attributes: [9, attributes],
    droppedAttributesCount: [10, "uint64"],
    events: [11, "Event*"],
    droppedEventsCount: [12, "uint64"],
    links: [13, "Link*"],
    droppedLinksCount: [14, "uint64"],
    status: [15, "Status"],
    flags: [16, "fixed32"],
  },
  Event: {
    timeUnixNano: [1, "fixed64"],
    name: [2, "string"],
    attributes: [3, attributes],
    droppedAttributesCount: [4, "uint64"],
  },
  Link: {
    traceId: [1, "hex"],
    spanId: [2, "hex"],
    traceState: [3, "string"],
    attributes: [4, attributes],
    droppedAttributesCount: [5, "uint64"],
    flags: [6, "fixed32"],
  },
  Status: { message: [2, "string"], code: [3, "int64"] },
  LogRecord: {
    timeUnixNano: [1, "fixed64"],
    severityNumber: [2, "int64"],
    severityText: [3, "string"],
    body: [5, "AnyValue"],
    attributes: [6, attributes],
    droppedAttributesCount: [7, "uint64"],
    flags: [8, "fixed32"],
    traceId: [9, "hex"],
    spanId: [10, "hex"],
    observedTimeUnixNano: [11, "fixed64"],
    eventName: [12, "string"],
  },
  Metric: {
    name: [1, "string"],
    description: [2, "string"],
    unit: [3, "string"],
    gauge: [5, "Gauge"],
    sum: [7, "Sum"],
    histogram: [9, "Histogram"],
    exponentialHistogram: [10, "ExponentialHistogram"],
    summary: [11, "Summary"],
    metadata: [12, attributes],
  },
  Gauge: { dataPoints: [1, "NumberDataPoint*"] },
  Sum: {
    dataPoints: [1, "NumberDataPoint*"],
    aggregationTemporality: [2, "int64"],
    isMonotonic: [3, "bool"],
  },
  Histogram: { dataPoints: [1, "HistogramDataPoint*"], aggregationTemporality: [2, "int64"] },
  ExponentialHistogram: {
    dataPoints: [1, "ExponentialHistogramDataPoint*"],
    aggregationTemporality: [2, "int64"],
  },
  Summary: { dataPoints: [1, "SummaryDataPoint*"] },
  NumberDataPoint: numberPoint,
  HistogramDataPoint: {
    startTimeUnixNano: [2, "fixed64"],
    timeUnixNano: [3, "fixed64"],
    count: [4, "fixed64"],
    sum: [5, "double"],
    bucketCounts: [6, "fixed64*"],
    explicitBounds: [7, "double*"],
    exemplars: [8, "Exemplar*"],
    attributes: [9, attributes],
    flags: [10, "uint64"],
    min: [11, "double"],
    max: [12, "double"],
  },
  ExponentialHistogramDataPoint: {
    attributes: [1, attributes],
    startTimeUnixNano: [2, "fixed64"],
    timeUnixNano: [3, "fixed64"],
    count: [4, "fixed64"],
    sum: [5, "double"],
    scale: [6, "sint32"],
    zeroCount: [7, "fixed64"],
    positive: [8, "Buckets"],
    negative: [9, "Buckets"],
    flags: [10, "uint64"],
    exemplars: [11, "Exemplar*"],
    min: [12, "double"],
    max: [13, "double"],
    zeroThreshold: [14, "double"],
  },
  Buckets: { offset: [1, "sint32"], bucketCounts: [2, "uint64*"] },
  SummaryDataPoint: {
    startTimeUnixNano: [2, "fixed64"],
    timeUnixNano: [3, "fixed64"],
    count: [4, "fixed64"],
    sum: [5, "double"],
    quantileValues: [6, "ValueAtQuantile*"],
    attributes: [7, attributes],
    flags: [8, "uint64"],
  },
  ValueAtQuantile: { quantile: [1, "double"], value: [2, "double"] },
  Exemplar: {
    timeUnixNano: [2, "fixed64"],
    asDouble: [3, "double"],
    spanId: [4, "hex"],
    traceId: [5, "hex"],
    asInt: [6, "sfixed64"],
    filteredAttributes: [7, attributes],
  },
};

const encoder = new TextEncoder();

/** `fields` gives the order in which the fields of every message are written, by default as in the .proto files. */
export function encodeForTests(
  message: "Traces" | "Logs" | "Metrics",
  value: unknown,
  order: (names: string[]) => string[] = (names) => names,
): Uint8Array {
  return Uint8Array.from(encodeMessage(message, value, order));
}

type Order = (names: string[]) => string[];

function encodeMessage(message: string, value: unknown, order: Order): number[] {
  const schema = schemas[message] as Schema;
  const object = value as Record<string, unknown>;
  const out: number[] = [];
  const push = (bytes: number[]): void => {
    for (const byte of bytes) out.push(byte);
  };
  for (const name of order(Object.keys(schema))) {
    const [number, type] = schema[name] as Field;
    const member = Object.hasOwn(object, name) ? object[name] : undefined;
    if (member === undefined || member === null) continue;
    if (!type.endsWith("*")) push(encodeField(number, type, { value: member, order }));
    else if (type === "KeyValue*" || /^[A-Z]/.test(type))
      for (const item of member as unknown[])
        push(encodeField(number, type.slice(0, -1), { value: item, order }));
    else {
      const packed: number[] = [];
      for (const item of member as unknown[])
        for (const byte of encodeScalar(type.slice(0, -1) as FieldType, item)) packed.push(byte);
      push(varint(BigInt(number * 8 + 2)));
      push(varint(BigInt(packed.length)));
      push(packed);
    }
  }
  return out;
}

function encodeField(number: number, type: string, at: { value: unknown; order: Order }): number[] {
  const isMessage = Object.hasOwn(schemas, type);
  const payload = isMessage
    ? encodeMessage(type, at.value, at.order)
    : encodeScalar(type as FieldType, at.value);
  const wire = isMessage ? 2 : wireType(type as FieldType);
  const head = varint(BigInt(number * 8 + wire));
  return wire === 2 ? head.concat(varint(BigInt(payload.length)), payload) : head.concat(payload);
}

function wireType(type: FieldType): number {
  if (type === "string" || type === "bytes" || type === "hex") return 2;
  if (type === "fixed64" || type === "sfixed64" || type === "double") return 1;
  return type === "fixed32" ? 5 : 0;
}

function encodeScalar(type: FieldType, value: unknown): number[] {
  switch (type) {
    case "string":
      return [...encoder.encode(String(value))];
    case "bytes":
      return [...Buffer.from(String(value), "base64")];
    case "hex":
      return [...Buffer.from(String(value), "hex")];
    case "bool":
      return [value === true ? 1 : 0];
    case "sint32": {
      const n = BigInt(value as number);
      return varint(BigInt.asUintN(32, (n << 1n) ^ (n >> 31n)));
    }
    case "int64":
    case "uint64":
      return varint(BigInt.asUintN(64, BigInt(value as number | string)));
    case "fixed32":
      return fixed(4, (view) => view.setUint32(0, Number(value), true));
    case "fixed64":
    case "sfixed64":
      return fixed(8, (view) =>
        view.setBigUint64(0, BigInt.asUintN(64, BigInt(value as number | string)), true),
      );
    case "double":
      return fixed(8, (view) => view.setFloat64(0, Number(value), true));
  }
}

function fixed(size: number, set: (view: DataView) => void): number[] {
  const bytes = new Uint8Array(size);
  set(new DataView(bytes.buffer));
  return [...bytes];
}

export function varint(value: bigint): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}
