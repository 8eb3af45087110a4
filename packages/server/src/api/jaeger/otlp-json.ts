/** Stored spans as OTLP JSON (`TracesData`), in pieces: consecutive spans of one resource and scope share their head. */
import { kindAt } from "../../query/traces/attributes.ts";
import type {
  StoredAttributes,
  StoredSpan,
  StoredSpans,
} from "../../store/clickhouse/select/traces.ts";

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];

export function* otlpTracesJson(spans: StoredSpans): Generator<string> {
  yield '{"resourceSpans":[';
  let open: string | undefined;
  for (const span of spans) {
    const head = headOf(span);
    if (head === open) yield ",";
    else {
      if (open !== undefined) yield "]}]},";
      yield head;
      open = head;
    }
    yield JSON.stringify(otlpSpan(span));
  }
  yield open === undefined ? "]}" : "]}]}]}";
}

function headOf(span: StoredSpan): string {
  const resource = JSON.stringify({ attributes: otlpAttributes(span.resource) });
  const scope = JSON.stringify({
    ...(span.scopeName === "" ? {} : { name: span.scopeName }),
    ...(span.scopeVersion === "" ? {} : { version: span.scopeVersion }),
    ...attributesField(span.scope),
  });
  return `{"resource":${resource},"scopeSpans":[{"scope":${scope},"spans":[`;
}

function otlpSpan(span: StoredSpan): object {
  const code = STATUSES.indexOf(span.status);
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.traceState === "" ? {} : { traceState: span.traceState }),
    ...(span.parentSpanId === "" ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.flags === 0 ? {} : { flags: span.flags }),
    name: span.name,
    ...(KINDS.indexOf(span.kind) > 0 ? { kind: KINDS.indexOf(span.kind) } : {}),
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(span.startNs + BigInt(span.durationNs)),
    ...attributesField(span.attributes),
    ...(span.events.length === 0
      ? {}
      : {
          events: span.events.map((event) => ({
            timeUnixNano: String(event.timeNs),
            name: event.name,
            ...attributesField(event.attributes),
          })),
        }),
    ...(span.links.length === 0
      ? {}
      : {
          links: span.links.map((link) => ({
            traceId: link.traceId,
            spanId: link.spanId,
            ...attributesField(link.attributes),
          })),
        }),
    status: {
      ...(span.statusMessage === "" ? {} : { message: span.statusMessage }),
      ...(code > 0 ? { code } : {}),
    },
  };
}

function attributesField(attributes: StoredAttributes): object {
  return attributes.entries.length === 0 ? {} : { attributes: otlpAttributes(attributes) };
}

function otlpAttributes({ entries, kinds }: StoredAttributes): object[] {
  return entries.map(([key, text], i) => ({ key, value: anyValue(kindAt(kinds, i), text) }));
}

function anyValue(kind: ReturnType<typeof kindAt>, text: string): object {
  switch (kind) {
    case "string":
      return { stringValue: text };
    case "boolean":
      return { boolValue: text === "true" };
    case "int":
      return { intValue: text };
    case "double":
      return doubleValue(text);
    case "bytes":
      return { bytesValue: text };
    case "array":
    case "map":
      return parsedValue(text);
    case "empty":
      return {};
  }
}

function doubleValue(text: string): object {
  const value = Number(text);
  return { doubleValue: Number.isFinite(value) ? value : text };
}

/** Every string gets the mark `s` in front, every number becomes a string marked `i` or `d`: so integers stay exact. */
const TOKENS = /"((?:[^"\\]|\\.)*)"|-?\d+(\.\d+)?([eE][+-]?\d+)?/gs;

function parsedValue(text: string): object {
  const marked = text.replace(
    TOKENS,
    (token: string, inner?: string, fraction?: string, exponent?: string) => {
      if (inner !== undefined) return `"s${inner}"`;
      return fraction === undefined && exponent === undefined ? `"i${token}"` : `"d${token}"`;
    },
  );
  try {
    return parsedAsOtlp(JSON.parse(marked));
  } catch {
    // Written by another program into the same table: what is not JSON stays text.
    return { stringValue: text };
  }
}

function parsedAsOtlp(value: unknown): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") {
    const rest = value.slice(1);
    if (value.startsWith("i")) return { intValue: rest };
    return value.startsWith("d") ? doubleValue(rest) : { stringValue: rest };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(parsedAsOtlp) } };
  if (typeof value !== "object" || value === null) return {};
  const values = Object.entries(value).map(([key, item]) => ({
    key: key.slice(1),
    value: parsedAsOtlp(item),
  }));
  return { kvlistValue: { values } };
}
