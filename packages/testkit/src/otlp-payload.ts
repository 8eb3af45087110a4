/**
 * OTLP request bodies for tests and benchmarks, written without any code of the product: an encoder of its own is the
 * check on the decoder. Every row carries an id, so that each can be found, missed or found twice.
 */
export type Signal = "traces" | "logs" | "metrics";
export type Encoding = "protobuf" | "json";

export interface Payload {
  readonly signal: Signal;
  /** Ids of its rows, from `firstId` on, one after another. */
  readonly firstId: number;
  readonly rows: number;
  /** Attribute that carries the id; rows of several origins stay apart by it. */
  readonly idKey?: string;
  /** Wall time of the newest row. Rows spread over `days` days before it. */
  readonly nowMs: number;
  readonly days?: number;
}

export const SERVICE = "testkit";
export const METRIC = "testkit_value";
const DAY_MS = 86_400_000;

export function encodePayload(payload: Payload, encoding: Encoding): Uint8Array {
  return encoding === "protobuf" ? protobufBody(payload) : Buffer.from(jsonBody(payload));
}

function timeMs({ nowMs, days = 1 }: Payload, row: number): number {
  return nowMs - (row % days) * DAY_MS;
}

function varint(value: number | bigint): number[] {
  let rest = BigInt(value);
  const out: number[] = [];
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if (rest === 0n) {
      out.push(low);
      return out;
    }
    out.push(low | 0x80);
  }
}

/** Field `number` with length-delimited content. */
export function field(number: number, content: Uint8Array | string): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([
    Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]),
    bytes,
  ]);
}

function varintField(number: number, value: number | bigint): Buffer {
  return Buffer.from([...varint(number << 3), ...varint(value)]);
}

function fixed64(number: number, value: bigint): Buffer {
  const out = Buffer.alloc(9);
  out[0] = (number << 3) | 1;
  out.writeBigUInt64LE(value, 1);
  return out;
}

function double(number: number, value: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = (number << 3) | 1;
  out.writeDoubleLE(value, 1);
  return out;
}

const message = (...fields: readonly Uint8Array[]): Buffer => Buffer.concat(fields);
const textAttribute = (key: string, value: string): Buffer =>
  message(field(1, key), field(2, field(1, value)));
const nanoseconds = (ms: number): bigint => BigInt(Math.floor(ms)) * 1_000_000n;

export function traceIdOf(id: number): Buffer {
  const out = Buffer.alloc(16, 0xab);
  out.writeBigUInt64BE(BigInt(id) + 1n, 8);
  return out;
}

function spanIdOf(id: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(id) + 1n);
  return out;
}

function span(payload: Payload, row: number): Buffer {
  const id = payload.firstId + row;
  const startNs = nanoseconds(timeMs(payload, row));
  return message(
    field(1, traceIdOf(id)),
    field(2, spanIdOf(id)),
    field(5, "GET /testkit"),
    varintField(6, 2),
    fixed64(7, startNs),
    fixed64(8, startNs + 1_000_000n),
    field(9, textAttribute(payload.idKey ?? "tid", String(id))),
    field(9, textAttribute("http.route", "/testkit")),
  );
}

function logRecord(payload: Payload, row: number): Buffer {
  const id = payload.firstId + row;
  return message(
    fixed64(1, nanoseconds(timeMs(payload, row))),
    varintField(2, 9),
    field(5, field(1, `line ${id}`)),
    field(6, textAttribute(payload.idKey ?? "tid", String(id))),
    fixed64(11, nanoseconds(timeMs(payload, row))),
  );
}

/** The id is the value: a label of its own would make a series of every row. */
function point(payload: Payload, row: number): Buffer {
  return message(
    field(7, textAttribute("origin", payload.idKey ?? "tid")),
    field(7, textAttribute("lane", String(row % 50))),
    // No two points of a series in one millisecond.
    fixed64(3, nanoseconds(timeMs(payload, row) - Math.floor(row / 50))),
    double(4, payload.firstId + row),
  );
}

function protobufBody(payload: Payload): Buffer {
  const rows = Array.from({ length: payload.rows }, (_, row) => row);
  const resource = field(1, field(1, textAttribute("service.name", SERVICE)));
  const scope = field(1, message(field(1, "testkit"), field(2, "1")));
  switch (payload.signal) {
    case "traces":
      return field(
        1,
        message(
          resource,
          field(2, message(scope, ...rows.map((row) => field(2, span(payload, row))))),
        ),
      );
    case "logs":
      return field(
        1,
        message(
          resource,
          field(2, message(scope, ...rows.map((row) => field(2, logRecord(payload, row))))),
        ),
      );
    default: {
      const gauge = field(5, message(...rows.map((row) => field(1, point(payload, row)))));
      const metric = message(field(1, METRIC), gauge);
      return field(1, message(resource, field(2, message(scope, field(2, metric)))));
    }
  }
}

const jsonText = (key: string, value: string) => ({ key, value: { stringValue: value } });

function jsonRow(payload: Payload, row: number): object {
  const id = payload.firstId + row;
  const timeNs = nanoseconds(timeMs(payload, row));
  const tag = jsonText(payload.idKey ?? "tid", String(id));
  switch (payload.signal) {
    case "traces":
      return {
        traceId: traceIdOf(id).toString("hex"),
        spanId: spanIdOf(id).toString("hex"),
        name: "GET /testkit",
        kind: 2,
        startTimeUnixNano: String(timeNs),
        endTimeUnixNano: String(timeNs + 1_000_000n),
        attributes: [tag, jsonText("http.route", "/testkit")],
      };
    case "logs":
      return {
        timeUnixNano: String(timeNs),
        observedTimeUnixNano: String(timeNs),
        severityNumber: 9,
        body: { stringValue: `line ${id}` },
        attributes: [tag],
      };
    default:
      return {
        timeUnixNano: String(timeNs - BigInt(Math.floor(row / 50)) * 1_000_000n),
        asDouble: id,
        attributes: [
          jsonText("origin", payload.idKey ?? "tid"),
          jsonText("lane", String(row % 50)),
        ],
      };
  }
}

function jsonBody(payload: Payload): string {
  const rows = Array.from({ length: payload.rows }, (_, row) => jsonRow(payload, row));
  const resource = { attributes: [jsonText("service.name", SERVICE)] };
  const scope = { name: "testkit", version: "1" };
  switch (payload.signal) {
    case "traces":
      return JSON.stringify({
        resourceSpans: [{ resource, scopeSpans: [{ scope, spans: rows }] }],
      });
    case "logs":
      return JSON.stringify({
        resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: rows }] }],
      });
    default:
      return JSON.stringify({
        resourceMetrics: [
          {
            resource,
            scopeMetrics: [{ scope, metrics: [{ name: METRIC, gauge: { dataPoints: rows } }] }],
          },
        ],
      });
  }
}
