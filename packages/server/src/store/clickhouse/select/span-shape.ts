/** What the shape of a trace needs of a span, as columns and as a value. */
import type { NativeBlock } from "@triptych/wire";
import { type Sql, sql, text } from "../sql.ts";
import { bigintCells, type Cell, numberCells, textCells } from "./rows.ts";

export interface SpanShape {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  /** `Server`, `Client`, …; `Unspecified`. */
  readonly kind: string;
  /** `Unset`, `Ok`, `Error`. */
  readonly status: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  /** What tells its host from others; "" when its resource does not say. */
  readonly host: string;
}

const resource = (key: string): Sql => sql`ResourceAttributes[${text(key)}]`;

/**
 * Jaeger's key of a host (`host.id`, then the first `host.ip`, then `host.name`), then what Jaeger's own clients send.
 * An array is stored as its JSON.
 */
export const hostOfSpan: Sql = sql`multiIf(
  ${resource("host.id")} != '', ${resource("host.id")},
  startsWith(${resource("host.ip")}, '['), JSONExtractString(${resource("host.ip")}, 1),
  ${resource("host.ip")} != '', ${resource("host.ip")},
  ${resource("host.name")} != '', ${resource("host.name")},
  ${resource("ip")} != '', ${resource("ip")},
  ${resource("hostname")})`;

export function shapeCells(block: NativeBlock): Cell<SpanShape> {
  const traceId = textCells(block, "TraceId");
  const spanId = textCells(block, "SpanId");
  const parentSpanId = textCells(block, "ParentSpanId");
  const name = textCells(block, "SpanName");
  const service = textCells(block, "ServiceName");
  const kind = textCells(block, "SpanKind");
  const status = textCells(block, "StatusCode");
  const startNs = bigintCells(block, "Timestamp");
  const durationNs = numberCells(block, "Duration");
  const host = textCells(block, "Host");
  return (row) => ({
    traceId: traceId(row),
    spanId: spanId(row),
    parentSpanId: parentSpanId(row),
    name: name(row),
    service: service(row),
    kind: kind(row),
    status: status(row),
    startNs: startNs(row),
    durationNs: durationNs(row),
    host: host(row),
  });
}
