/**
 * A whole document (of Elasticsearch, Beats, Logstash, Fluentd, Fluent Bit) as a log record: what is recognised goes to
 * columns, what names the source goes to the resource, the rest becomes attributes with dotted names. A message that is
 * itself a line of JSON, as shippers pass on what an application wrote, is looked into for what the document leaves open.
 */
import { isObject, type JsonObject, type JsonValue, jsonText } from "./json-value.ts";
import type { LogDraft } from "./log-drafts.ts";
import { type Recognised, recogniseFields, recogniseLine } from "./recognise.ts";

type Pair = readonly [name: string, value: JsonValue];

export interface ObjectDraftOptions {
  /** Attributes of the record that the document does not have, such as the index. */
  readonly attributes?: readonly Pair[];
  /** Attributes of the resource; the document's own count more. */
  readonly resource?: readonly Pair[];
  /** The event's own time, taken when the document has none. */
  readonly timeNs?: bigint | undefined;
  /** Depth of objects and arrays; deeper ones throw `wire_too_deep`. */
  readonly depthMax: number;
  /** Members that are kept; the rest is counted as dropped. */
  readonly attributesMax: number;
}

/** Members that name the source and not the event: by their first part. */
const RESOURCE_PARTS = new Set([
  ...["service", "host", "container", "kubernetes", "k8s", "cloud", "orchestrator", "deployment"],
]);

/** Without a service the first of these names it. */
const SERVICE_SOURCES = [
  ...["service.name", "fields.service", "fields.service_name", "kubernetes.labels.app"],
  ...["kubernetes.labels.app_kubernetes_io/name", "kubernetes.labels.app.kubernetes.io/name"],
  ...["kubernetes.labels.app_kubernetes_io_name", "app", "application", "app_name", "appname"],
  ...["kubernetes.container_name", "kubernetes.container.name", "container_name"],
  ...["container.name", "fields.app", "program", "ident", "SYSLOG_IDENTIFIER"],
];

/** Throws `wire_too_deep`. */
export function draftOfObject(object: JsonObject, options: ObjectDraftOptions): LogDraft {
  const found = withMessage(recogniseFields(object));
  const leaves = new Leaves(options);
  leaves.walk(object, "", options.depthMax);
  const resource: Pair[] = [];
  const attributes: Pair[] = [];
  for (const pair of leaves.pairs) {
    const [path, value] = pair;
    if (found.taken.has(path)) continue;
    if (path === "host" && typeof value === "string") resource.push(["host.name", value]);
    else if (RESOURCE_PARTS.has(firstPart(path)) && path.includes(".")) resource.push(pair);
    else attributes.push(pair);
  }
  addService(resource, found.service || serviceOf(leaves.pairs));
  addMissing(resource, options.resource ?? []);
  addMissing(attributes, options.attributes ?? []);
  if (found.line?.correlationId && found.correlationId === "")
    addMissing(attributes, [["correlation_id", found.line.correlationId]]);
  return {
    timeNs: found.timeNs ?? options.timeNs ?? found.line?.timeNs,
    body: found.message ?? jsonText(object, options.depthMax),
    severityNumber: found.severityNumber,
    severityText: found.severityText,
    traceId: found.traceId,
    spanId: found.spanId,
    traceFlags: found.traceFlags,
    resource,
    attributes,
    droppedAttributes: leaves.dropped,
  };
}

/** With what the line of JSON says that stands in the message; the message itself stays as it is, for `| json`. */
interface Completed extends Recognised {
  readonly line?: Recognised;
}

const encoder = new TextEncoder();

function withMessage(found: Recognised): Completed {
  const { message } = found;
  if (message === undefined || !MAY_BE_JSON.test(message)) return found;
  const bytes = encoder.encode(message);
  const line = recogniseLine(bytes, 0, bytes.length);
  if (line === undefined) return found;
  const { severityNumber, severityText } =
    found.severityNumber === 0 && found.severityText === "" ? line : found;
  // Ids belong together: a document that names its trace has said all about it.
  const { traceId, spanId, traceFlags } =
    found.traceId === "" && found.spanId === "" ? line : found;
  const service = found.service || line.service;
  return { ...found, severityNumber, severityText, traceId, spanId, traceFlags, service, line };
}

const MAY_BE_JSON = /^[ \t]*\{/;

/** Flattens objects to dotted names; arrays stay arrays. */
class Leaves {
  readonly pairs: Pair[] = [];
  dropped = 0;
  private readonly max: number;

  constructor({ attributesMax }: ObjectDraftOptions) {
    // What goes to columns must find room besides the attributes.
    this.max = attributesMax + COLUMNS_ROOM;
  }

  walk(object: JsonObject, prefix: string, depthLeft: number): void {
    for (const name in object) {
      const value = object[name];
      if (value === undefined || value === null) continue;
      if (this.pairs.length >= this.max) {
        this.dropped++;
        continue;
      }
      const path = prefix === "" ? name : `${prefix}.${name}`;
      // Below the depth, the value stays whole and whoever writes it refuses it.
      if (isObject(value) && depthLeft > 1) this.walk(value, path, depthLeft - 1);
      else this.pairs.push([path, value]);
    }
  }
}

const COLUMNS_ROOM = 32;

function firstPart(path: string): string {
  const dot = path.indexOf(".");
  return dot < 0 ? path : path.slice(0, dot);
}

function serviceOf(pairs: readonly Pair[]): string {
  for (const name of SERVICE_SOURCES)
    for (const [path, value] of pairs)
      if (path === name && typeof value === "string" && value !== "") return value;
  return "";
}

function addService(resource: Pair[], service: string): void {
  if (service !== "" && !resource.some(([name]) => name === "service.name"))
    resource.unshift(["service.name", service]);
}

/** A handful is added: comparing them costs less than a set of the names. */
function addMissing(pairs: Pair[], more: readonly Pair[]): void {
  const own = pairs.length;
  for (const pair of more) {
    let isThere = false;
    for (let i = 0; i < own && !isThere; i++) isThere = pairs[i]?.[0] === pair[0];
    if (!isThere) pairs.push(pair);
  }
}
