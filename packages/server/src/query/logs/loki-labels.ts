/**
 * Log records as Loki shows them: which resource attributes are labels of the stream, and what becomes structured
 * metadata of the line. The list is the default of Loki's OTLP endpoint. Lines that came by Loki's own push keep the
 * labels they came with.
 */
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import type { LogField } from "../../store/clickhouse/select/logs-filter.ts";
import { levelOf } from "../../store/clickhouse/select/logs-level.ts";

/** `service.name` is apart: it has a column of its own. */
export const indexedAttributes: readonly string[] = [
  "cloud.availability_zone",
  "cloud.region",
  "container.name",
  "deployment.environment",
  "deployment.environment.name",
  "k8s.cluster.name",
  "k8s.container.name",
  "k8s.cronjob.name",
  "k8s.daemonset.name",
  "k8s.deployment.name",
  "k8s.job.name",
  "k8s.namespace.name",
  "k8s.pod.name",
  "k8s.replicaset.name",
  "k8s.statefulset.name",
  "service.instance.id",
  "service.namespace",
];

export const SERVICE_LABEL = "service_name";
const SERVICE_KEY = "service.name";
const indexed = new Set([...indexedAttributes, SERVICE_KEY]);
const keyOfLabel = new Map(indexedAttributes.map((key) => [escapedKey(key), key]));

/** All but letters and digits becomes an underscore; a name does not begin with a digit. */
export function escapedKey(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9]/gu, "_");
  return /^[0-9]/.test(name) ? `key_${name}` : name;
}

/** The label of a resource attribute; Loki's own have no dots and stay as they are. */
export const labelOfKey = (key: string): string =>
  key === SERVICE_KEY ? SERVICE_LABEL : key.includes(".") ? escapedKey(key) : key;

/** Where a label of a stream selector is found; a label that no stream has is the empty text. */
export function streamField(label: string): LogField {
  if (label === SERVICE_LABEL) return { kind: "service" };
  // Most people's own name for it. Streams of Loki's push have it only when it was sent.
  if (label === "service") return { kind: "stream", name: label, key: SERVICE_KEY };
  return { kind: "stream", name: label, key: keyOfLabel.get(label) };
}

/** What is put together when a line is read, so that the store cannot look for it. */
const COMPUTED = new Set(["severity_number", "flags", "observed_timestamp"]);

/**
 * Where a label of a condition or grouping is found, when no stage has made labels yet: stream labels and structured
 * metadata. Nothing for what only the line itself tells.
 */
export function lineField(label: string): LogField | undefined {
  switch (label) {
    case "level":
    case "severity":
      return { kind: "level_label", name: label };
    case "detected_level":
      return { kind: "detected_level" };
    case "severity_text":
      return { kind: "severity_text", isOtlp: true };
    case "trace_id":
    case "span_id":
    case "scope_name":
    case "scope_version":
      return { kind: label };
    case SERVICE_LABEL:
      return { kind: "service" };
    default: {
      if (COMPUTED.has(label) || label.startsWith("__") || label.endsWith("_extracted"))
        return undefined;
      if (keyOfLabel.has(label)) return streamField(label);
      return { kind: "escaped", name: label.replace(/^key_(?=[0-9])/, "") };
    }
  }
}

export type Labels = { readonly [name: string]: string };
export type Pair = readonly [name: string, value: string];

export const byName = ([a]: Pair, [b]: Pair): number => (a < b ? -1 : a > b ? 1 : 0);

/** The labels of a line's stream. */
export function streamPairs(service: string, attributes: readonly Pair[], schema: string): Pair[] {
  const isLoki = schema === LOKI_SCHEMA_URL;
  const found: Pair[] = [];
  for (const [key, value] of attributes)
    if (value !== "" && key !== SERVICE_KEY && (isLoki || indexed.has(key)))
      found.push([isLoki ? key : escapedKey(key), value]);
  if (service !== "") found.push([SERVICE_LABEL, service]);
  return found.sort(byName);
}

/** What all lines of a resource carry besides the labels of the stream. */
export function resourceMetadata(attributes: readonly Pair[], schema: string): Pair[] {
  if (schema === LOKI_SCHEMA_URL) return [];
  return attributes
    .filter(([key, value]) => value !== "" && !indexed.has(key))
    .map(([key, value]) => [escapedKey(key), value] as const);
}

/** What all lines of a scope carry. */
export function scopeMetadata(scope: {
  readonly name: string;
  readonly version: string;
  readonly attributes: readonly Pair[];
}): Pair[] {
  const all: Pair[] = [
    ["scope_name", scope.name],
    ["scope_version", scope.version],
    ...scope.attributes.map(([key, value]) => [escapedKey(key), value] as const),
  ];
  return all.filter(([, value]) => value !== "");
}

export interface LineFacts {
  readonly isLoki: boolean;
  readonly timeNs: bigint;
  readonly observedNs: bigint;
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly severityNumber: number;
  readonly severityText: string;
}

/** What a line carries of its own, without its attributes. */
export function lineMetadata(line: LineFacts): Pair[] {
  const found: Pair[] = [];
  if (line.traceId !== "") found.push(["trace_id", line.traceId]);
  if (line.spanId !== "") found.push(["span_id", line.spanId]);
  if (line.isLoki) {
    found.push(["detected_level", line.severityText === "" ? "unknown" : line.severityText]);
    return found;
  }
  found.push(["detected_level", levelOf(line.severityNumber, line.severityText)]);
  if (line.severityNumber !== 0) found.push(["severity_number", String(line.severityNumber)]);
  if (line.severityText !== "") found.push(["severity_text", line.severityText]);
  if (line.traceFlags !== 0) found.push(["flags", String(line.traceFlags)]);
  if (line.observedNs > 0n && line.observedNs !== line.timeNs)
    found.push(["observed_timestamp", String(line.observedNs)]);
  return found;
}

/** Of equal names the first counts. */
export function joinedMetadata(parts: readonly (readonly Pair[])[]): Pair[] {
  const found = new Map<string, string>();
  for (const part of parts)
    for (const [name, value] of part) if (value !== "" && !found.has(name)) found.set(name, value);
  return [...found];
}

/** An attribute of a line under Loki's name. */
export const attributePair = ([key, value]: Pair): Pair => [escapedKey(key), value];

/** Labels as an object, in the order of names. */
export const labelsOf = (pairs: readonly Pair[]): Labels =>
  Object.fromEntries([...pairs].sort(byName));
