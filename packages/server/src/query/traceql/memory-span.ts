/** A stored span as the evaluator's tables in memory take it. */
import type { AttributeMap, MemorySpan, Static } from "@triptych/lang";
import { decodeValue } from "../../store/clickhouse/select/traceql-table.ts";
import type { StoredAttributes, StoredSpan } from "../../store/clickhouse/select/traces.ts";

export function memorySpan(span: StoredSpan): MemorySpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: span.parentSpanId,
    name: span.name,
    service: span.service,
    kind: span.kind.toLowerCase() as MemorySpan["kind"],
    status: span.status === "" ? "unset" : (span.status.toLowerCase() as MemorySpan["status"]),
    statusMessage: span.statusMessage,
    startNs: span.startNs,
    durationNs: span.durationNs,
    scopeName: span.scopeName,
    scopeVersion: span.scopeVersion,
    attributes: mapOf(span.attributes),
    resource: mapOf(span.resource),
    scope: mapOf(span.scope),
    events: span.events.map(({ name, timeNs, attributes }) => ({
      name,
      timeNs,
      attributes: mapOf(attributes),
    })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: mapOf(attributes),
    })),
  };
}

function mapOf({ entries, kinds }: StoredAttributes): AttributeMap {
  const out = new Map<string, Static>();
  for (const [i, [key, value]] of entries.entries()) {
    const decoded = decodeValue(`${kinds === "" ? "1" : (kinds[i] ?? "1")}${value}`);
    if (decoded.type !== "nil") out.set(key, decoded);
  }
  return out;
}
