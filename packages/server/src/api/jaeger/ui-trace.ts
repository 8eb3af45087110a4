/**
 * Stored spans in the JSON that Jaeger's query service gives its UI, as the Collector's translation of OTLP makes it:
 * scope, kind, status and trace state become tags, events become logs, parent and links become references. Written as
 * bytes: a trace may have a hundred thousand spans.
 */
import { kindAt } from "../../query/traces/attributes.ts";
import type {
  AttributeBytes,
  SpanColumns,
  TextBytes,
} from "../../store/clickhouse/select/span-columns.ts";
import type { StoredAttributes } from "../../store/clickhouse/select/traces.ts";
import { type JsonBytes, jsonPart, outcomeParts } from "../ours/json-bytes.ts";
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

  idOf(service: string, resource: StoredAttributes): string {
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

const COMMA = 0x2c;

const parts = {
  traceId: jsonPart('{"traceID":'),
  spanId: jsonPart(',"spanID":'),
  operationName: jsonPart(',"operationName":'),
  references: jsonPart(',"references":['),
  startTime: jsonPart('],"startTime":'),
  duration: jsonPart(',"duration":'),
  tags: jsonPart(',"tags":['),
  logs: jsonPart('],"logs":['),
  timestamp: jsonPart('{"timestamp":'),
  fields: jsonPart(',"fields":['),
  logEnd: jsonPart("]}"),
  processId: jsonPart('],"processID":"'),
  warnings: jsonPart('","warnings":'),
  noWarnings: jsonPart("null}"),
  key: jsonPart('{"key":'),
  text: jsonPart(',"type":"string","value":'),
  childOf: jsonPart('{"refType":"CHILD_OF","traceID":"'),
  followsFrom: jsonPart('{"refType":"FOLLOWS_FROM","traceID":"'),
  referenced: jsonPart('","spanID":'),
  scopeName: jsonPart('{"key":"otel.scope.name","type":"string","value":'),
  scopeVersion: jsonPart('{"key":"otel.scope.version","type":"string","value":'),
  description: jsonPart('{"key":"otel.status_description","type":"string","value":'),
  traceState: jsonPart('{"key":"w3c.tracestate","type":"string","value":'),
  event: jsonPart('{"key":"event","type":"string","value":'),
} as const;

export interface UiSpan {
  readonly row: number;
  readonly traceId: string;
  readonly processId: string;
  readonly adjustment: Adjustment;
}

/** Returns what writes the spans of these columns. */
export function uiSpanWriter(columns: SpanColumns): (out: JsonBytes, span: UiSpan) => void {
  const outcome = outcomeParts(columns, outcomeTags);
  const shortIds = remembered((traceId) => jsonPart(shortTraceId(traceId)));
  const processIds = remembered(jsonPart);
  return (out, { row, traceId, processId, adjustment: { shiftNs, warnings: ours } }) => {
    const short = shortIds(traceId);
    out.part(parts.traceId);
    out.quoted(short);
    out.part(parts.spanId);
    out.text(columns.spanId, row);
    out.part(parts.operationName);
    out.text(columns.name, row);
    writeReferences(out, columns, { row, short });
    out.part(parts.startTime);
    out.number(Number(((columns.startNs[row] as bigint) + shiftNs) / 1_000n));
    out.part(parts.duration);
    out.number(Math.floor(columns.durationNs(row) / 1_000));
    const kept = writeTags(out, columns, { row, outcome: outcome(row) });
    writeLogs(out, columns, { row, shiftNs });
    out.part(parts.processId);
    out.part(processIds(processId));
    out.part(parts.warnings);
    const warnings = [...(kept === undefined ? [] : warningsOf(kept)), ...ours];
    if (warnings.length === 0) out.part(parts.noWarnings);
    else out.raw(`${JSON.stringify(warnings)}}`);
  };
}

/** For what neighbours have in common: the last answer is kept. */
function remembered(make: (text: string) => Uint8Array): (text: string) => Uint8Array {
  let last = "";
  let made = make(last);
  return (text) => {
    if (text !== last) {
      last = text;
      made = make(text);
    }
    return made;
  };
}

/** The tags of a kind and a status. Each ends with a comma. */
function outcomeTags(kind: string, status: string): Uint8Array {
  const tags: KeyValue[] = [];
  const add = (key: string, value: string): void => {
    if (value !== "") tags.push({ key, type: "string", value });
  };
  if (kind !== "Unspecified") add("span.kind", kind.toLowerCase());
  if (status !== "Unset") add("otel.status_code", status.toUpperCase());
  if (status === "Error") tags.push({ key: "error", type: "bool", value: true });
  return jsonPart(tags.map((tag) => `${JSON.stringify(tag)},`).join(""));
}

function writeReferences(
  out: JsonBytes,
  { parentSpanId, links }: SpanColumns,
  { row, short }: { readonly row: number; readonly short: Uint8Array },
): void {
  out.part(parts.references);
  if (parentSpanId.end(row) > parentSpanId.start(row)) {
    out.part(parts.childOf);
    out.part(short);
    out.part(parts.referenced);
    out.text(parentSpanId, row);
    out.part(listEnd);
  }
  const end = links.offsets[row + 1] as number;
  for (let i = links.offsets[row] as number; i < end; i++) {
    out.part(isChildOf(links.attributes, i) ? parts.childOf : parts.followsFrom);
    out.raw(JSON.stringify(shortTraceId(links.traceIds.text(i))).slice(1, -1));
    out.part(parts.referenced);
    out.text(links.spanIds, i);
    out.part(listEnd);
  }
  out.dropComma();
}

/** Items of a list are written with a comma behind each; the last one is taken back. */
const listEnd = jsonPart("},");

function isChildOf({ offsets, keys, values }: AttributeBytes, row: number): boolean {
  for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
    if (keys.text(i) === "opentracing.ref_type") return values.text(i) === "child_of";
  return false;
}

/** Returns the attribute that holds Jaeger's warnings, which is no tag. */
function writeTags(
  out: JsonBytes,
  columns: SpanColumns,
  { row, outcome }: { readonly row: number; readonly outcome: Uint8Array },
): string | undefined {
  const add = (part: Uint8Array, texts: TextBytes): void => {
    if (texts.end(row) === texts.start(row)) return;
    out.part(part);
    out.text(texts, row);
    out.part(listEnd);
  };
  out.part(parts.tags);
  add(parts.scopeName, columns.scopeName);
  add(parts.scopeVersion, columns.scopeVersion);
  const kept = writeEntries(out, columns.attributes, row, WARNINGS);
  out.part(outcome);
  add(parts.description, columns.statusMessage);
  add(parts.traceState, columns.traceState);
  const dropped = columns.dropped(row);
  // OpenTelemetry's names for formats that have no field for it.
  for (const [i, what] of ["attributes", "events", "links"].entries())
    if ((dropped[i] ?? 0) > 0)
      out.raw(`{"key":"otel.dropped_${what}_count","type":"int64","value":${dropped[i]}},`);
  out.dropComma();
  return kept === undefined ? undefined : columns.attributes.values.text(kept);
}

function writeLogs(
  out: JsonBytes,
  { events }: SpanColumns,
  { row, shiftNs }: { readonly row: number; readonly shiftNs: bigint },
): void {
  out.part(parts.logs);
  const end = events.offsets[row + 1] as number;
  for (let i = events.offsets[row] as number; i < end; i++) {
    if (i > (events.offsets[row] as number)) out.byte(COMMA);
    out.part(parts.timestamp);
    out.number(Number(((events.timeNs[i] as bigint) + shiftNs) / 1_000n));
    out.part(parts.fields);
    if (isNamed(events, i)) {
      out.part(parts.event);
      out.text(events.names, i);
      out.part(listEnd);
    }
    writeEntries(out, events.attributes, i);
    out.dropComma();
    out.part(parts.logEnd);
  }
}

/** Whether the name of an event becomes a field: it does unless one of its attributes has that key. */
function isNamed({ names, attributes }: SpanColumns["events"], row: number): boolean {
  if (names.end(row) === names.start(row)) return false;
  const { offsets, keys } = attributes;
  for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
    if (keys.end(i) - keys.start(i) === "event".length && keys.text(i) === "event") return false;
  return true;
}

/** Attributes as tags. The first one with the key `except` is left out; its place is returned. */
function writeEntries(
  out: JsonBytes,
  attributes: AttributeBytes,
  row: number,
  except?: string,
): number | undefined {
  const { keys, values } = attributes;
  const digits = attributes.kinds(row);
  const from = attributes.offsets[row] as number;
  const to = attributes.offsets[row + 1] as number;
  let left: number | undefined;
  for (let i = from; i < to; i++) {
    const isExcepted =
      left === undefined &&
      keys.end(i) - keys.start(i) === except?.length &&
      keys.text(i) === except;
    if (isExcepted) {
      left = i;
      continue;
    }
    out.part(parts.key);
    out.text(keys, i);
    const kind = kindAt(digits, i - from);
    if (isText(kind)) {
      out.part(parts.text);
      out.text(values, i);
      out.part(listEnd);
    } else {
      const { type, value } = typed(kind, values.text(i));
      out.raw(`,"type":"${type}","value":${JSON.stringify(value)}},`);
    }
  }
  return left;
}

function tagsOf({ entries, kinds }: StoredAttributes): KeyValue[] {
  return entries.map(([key, value], i) => ({ key, ...typed(kindAt(kinds, i), value) }));
}

type Kind = ReturnType<typeof kindAt>;

const isText = (kind: Kind): boolean =>
  kind === "string" || kind === "empty" || kind === "array" || kind === "map";

function typed(kind: Kind, text: string): { type: KeyValue["type"]; value: KeyValue["value"] } {
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
