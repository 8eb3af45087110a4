/**
 * Request bodies for the ingest benchmark, encoded once. Before each send the ids in a copy are overwritten in place,
 * so that the client costs little and yet no two requests, spans or lines are the same.
 */
import { field, traceIdOf } from "../otlp-payload.ts";

export interface BenchBody {
  readonly rows: number;
  readonly bytes: number;
  /** The same buffer each time, with the ids of request `n` in it. Send it before the next call. */
  fill(n: number): Buffer;
}

const attribute = (key: string, value: string): Buffer =>
  field(9, Buffer.concat([field(1, key), field(2, field(1, value))]));

function fixed64(number: number, value: bigint): Buffer {
  const out = Buffer.alloc(9);
  out[0] = (number << 3) | 1;
  out.writeBigUInt64LE(value, 1);
  return out;
}

const ID_TEXT = "id-000000000000";
/** How `traceIdOf` begins. */
const TRACE_MARK = Buffer.alloc(8, 0xab);

const attributes = (row: number, tag: (key: string, value: string) => Buffer): Buffer[] => [
  tag("http.request.method", "GET"),
  tag("http.route", `/api/v1/orders/${row % 40}/items`),
  tag("http.response.status_code", row % 50 === 0 ? "500" : "200"),
  tag("server.address", "orders.internal.example.com"),
  tag("user_agent.original", "okhttp/4.12.0 (Linux; x86_64)"),
  tag("session.id", `5f0c6c1e-${1000 + (row % 500)}-4b7a`),
  tag("request.id", ID_TEXT),
];

/** About 380 bytes a span, seven attributes. */
function span(row: number, nowMs: number): Buffer {
  const startNs = BigInt(nowMs - (row % 1000)) * 1_000_000n;
  return Buffer.concat([
    field(1, traceIdOf(row)),
    field(2, Buffer.alloc(8, 1)),
    field(4, Buffer.alloc(8, 2)),
    field(5, `GET /api/v1/orders/${row % 40}`),
    Buffer.from([0x30, 2]),
    fixed64(7, startNs),
    fixed64(8, startNs + BigInt(1 + row) * 100_000n),
    ...attributes(row, attribute),
  ]);
}

function logRecord(row: number, nowMs: number): Buffer {
  const timeNs = BigInt(nowMs - (row % 1000)) * 1_000_000n;
  const text = `order ${row} accepted: payment authorised in ${row % 90} ms, reserved 3 of 3 items in warehouse ${row % 7}`;
  const tag = (key: string, value: string): Buffer =>
    field(6, Buffer.concat([field(1, key), field(2, field(1, value))]));
  return Buffer.concat([
    fixed64(1, timeNs),
    Buffer.from([0x10, 9]),
    field(3, "INFO"),
    field(5, field(1, text)),
    ...attributes(row, tag),
    field(9, traceIdOf(row)),
    field(10, Buffer.alloc(8, 1)),
    fixed64(11, timeNs),
  ]);
}

export function benchBody(signal: "traces" | "logs", rows: number, nowMs: number): BenchBody {
  const make = signal === "traces" ? span : logRecord;
  const items = Array.from({ length: rows }, (_, row) => field(2, make(row, nowMs)));
  const service = Buffer.concat([field(1, "service.name"), field(2, field(1, "bench"))]);
  const resource = field(1, field(1, service));
  const scope = field(1, field(1, "bench"));
  const bytes = field(1, Buffer.concat([resource, field(2, Buffer.concat([scope, ...items]))]));
  const places: number[] = [];
  const marker = Buffer.from(ID_TEXT);
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) places.push(at);
  // The ids of a span come before its attributes, those of a log record after.
  const ids = places.map((place) =>
    signal === "traces" ? bytes.lastIndexOf(TRACE_MARK, place) : bytes.indexOf(TRACE_MARK, place),
  );
  return {
    rows,
    bytes: bytes.length,
    fill(n) {
      for (let row = 0; row < places.length; row++) {
        const id = n * rows + row;
        const digits = String(id).padStart(12, "0");
        bytes.write(digits, (places[row] as number) + 3, 12, "latin1");
        const at = ids[row] as number;
        // One trace of ten spans. The span id follows the trace id, its tag and its length.
        bytes.writeDoubleBE(Math.floor(id / 10) + 1, at + 8);
        bytes.writeDoubleBE(id + 1, at + 18);
      }
      return bytes;
    },
  };
}
