/**
 * Stored spans in the JSON that Jaeger's query service gives its UI, as the Collector's translation of OTLP makes it:
 * scope, kind, status and trace state become tags, events become logs, parent and links become references.
 */
import { kindAt } from "../../query/traces/attributes.ts";
import type { StoredAttributes, StoredSpan } from "../../store/clickhouse/select/traces.ts";
import type { Adjustment } from "./clock-skew.ts";

interface KeyValue {
  readonly key: string;
  readonly type: "string" | "bool" | "int64" | "float64" | "binary";
  readonly value: string | number | boolean;
}

/** Jaeger writes an id whose upper half is zero in its short form. */
export function shortTraceId(traceId: string): string {
  return traceId.startsWith("0000000000000000") ? traceId.slice(16) : traceId;
}

/** Processes of one trace: p1, p2, … in the order in which their first spans come. */
export class Processes {
  readonly byId: { [id: string]: { serviceName: string; tags: KeyValue[] } } = {};
  private readonly ids = new Map<string, string>();
  /** By the object that spans of the same resource share. */
  private readonly known = new Map<StoredAttributes, { service: string; id: string }>();

  idOf({ service, resource }: StoredSpan): string {
    const found = this.known.get(resource);
    if (found?.service === service) return found.id;
    const id = this.idOfValues(service, resource);
    this.known.set(resource, { service, id });
    return id;
  }

  private idOfValues(service: string, resource: StoredAttributes): string {
    const key = `${service}\n${resource.kinds}\n${JSON.stringify(resource.entries)}`;
    let id = this.ids.get(key);
    if (id === undefined) {
      id = `p${this.ids.size + 1}`;
      this.ids.set(key, id);
      const tags = tagsOf(resource).filter((tag) => tag.key !== "service.name");
      this.byId[id] = { serviceName: service, tags };
    }
    return id;
  }
}

/** The attribute in which Jaeger keeps its warnings. */
export const WARNINGS = "@jaeger@warnings";

export function uiSpan(
  span: StoredSpan,
  processId: string,
  { shiftNs, warnings: ours }: Adjustment,
): object {
  const traceID = shortTraceId(span.traceId);
  const tags = spanTags(span);
  const kept = tags.find(({ key }) => key === WARNINGS);
  const warnings = [...(kept === undefined ? [] : warningsOf(String(kept.value))), ...ours];
  return {
    traceID,
    spanID: span.spanId,
    operationName: span.name,
    references: references(span, traceID),
    startTime: Number((span.startNs + shiftNs) / 1_000n),
    duration: Math.floor(span.durationNs / 1_000),
    tags: tags.filter((tag) => tag !== kept),
    logs: span.events.map((event) => ({
      timestamp: Number((event.timeNs + shiftNs) / 1_000n),
      fields: eventFields(event),
    })),
    processID: processId,
    warnings: warnings.length === 0 ? null : warnings,
  };
}

function spanTags(span: StoredSpan): KeyValue[] {
  const tags: KeyValue[] = [];
  const add = (key: string, value: string): void => {
    if (value !== "") tags.push({ key, type: "string", value });
  };
  add("otel.scope.name", span.scopeName);
  add("otel.scope.version", span.scopeVersion);
  tags.push(...tagsOf(span.attributes));
  if (span.kind !== "Unspecified") add("span.kind", span.kind.toLowerCase());
  if (span.status !== "Unset") add("otel.status_code", span.status.toUpperCase());
  if (span.status === "Error") tags.push({ key: "error", type: "bool", value: true });
  add("otel.status_description", span.statusMessage);
  add("w3c.tracestate", span.traceState);
  // OpenTelemetry's names for formats that have no field for it.
  for (const [what, count] of Object.entries(span.dropped))
    if (count > 0) tags.push({ key: `otel.dropped_${what}_count`, type: "int64", value: count });
  return tags;
}

function references(span: StoredSpan, traceID: string): object[] {
  const parent =
    span.parentSpanId === "" ? [] : [{ refType: "CHILD_OF", traceID, spanID: span.parentSpanId }];
  const links = span.links.map((link) => ({
    refType: refTypeOf(link.attributes),
    traceID: shortTraceId(link.traceId),
    spanID: link.spanId,
  }));
  return [...parent, ...links];
}

function refTypeOf({ entries }: StoredAttributes): "CHILD_OF" | "FOLLOWS_FROM" {
  const kind = entries.find(([key]) => key === "opentracing.ref_type")?.[1];
  return kind === "child_of" ? "CHILD_OF" : "FOLLOWS_FROM";
}

function eventFields({ name, attributes }: StoredSpan["events"][number]): KeyValue[] {
  const fields = tagsOf(attributes);
  const named = name !== "" && !fields.some(({ key }) => key === "event");
  return named ? [{ key: "event", type: "string", value: name }, ...fields] : fields;
}

function tagsOf({ entries, kinds }: StoredAttributes): KeyValue[] {
  return entries.map(([key, value], i) => ({ key, ...typed(kindAt(kinds, i), value) }));
}

function typed(
  kind: ReturnType<typeof kindAt>,
  text: string,
): { type: KeyValue["type"]; value: KeyValue["value"] } {
  switch (kind) {
    case "boolean":
      return { type: "bool", value: text === "true" };
    case "int": {
      // What JavaScript cannot hold exactly goes as text.
      const value = Number(text);
      return { type: "int64", value: Number.isSafeInteger(value) ? value : text };
    }
    case "double": {
      const value = Number(text);
      return { type: "float64", value: Number.isFinite(value) ? value : text };
    }
    case "bytes":
      return { type: "binary", value: text };
    case "empty":
    case "string":
    case "array":
    case "map":
      return { type: "string", value: text };
  }
}

/** Jaeger keeps its warnings in an attribute: an array of texts. */
function warningsOf(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed.map(String);
  } catch {
    // Kept by a store that knows no arrays: one text.
  }
  return [text];
}
