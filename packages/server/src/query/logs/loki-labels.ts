/**
 * OTLP log records as Loki shows them: which resource attributes are labels of the stream, and what becomes structured
 * metadata of the line. The list is the default of Loki's OTLP endpoint.
 */
import type { LogField } from "../../store/clickhouse/select/logs-filter.ts";
import { levelOf } from "../../store/clickhouse/select/logs-level.ts";
import type { StoredLine } from "../../store/clickhouse/select/logs.ts";

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

/** Where a label of a stream selector is found; a label that no stream has is the empty text. */
export function streamField(label: string): LogField {
  if (label === SERVICE_LABEL) return { kind: "service" };
  const key = keyOfLabel.get(label);
  return key === undefined ? { kind: "nothing" } : { kind: "resource", key };
}

/** Where a label of a label filter is found: stream labels and structured metadata. */
export function lineField(label: string): LogField {
  switch (label) {
    case "level":
    case "severity":
    case "detected_level":
      return { kind: "level" };
    case "trace_id":
    case "span_id":
    case "severity_text":
    case "scope_name":
    case "scope_version":
      return { kind: label };
    default: {
      const field = streamField(label);
      if (field.kind !== "nothing") return field;
      return { kind: "escaped", name: label.replace(/^key_(?=[0-9])/, "") };
    }
  }
}

export type Labels = { readonly [name: string]: string };

export function streamLabels(
  service: string,
  attributes: readonly (readonly [key: string, value: string])[],
): Labels {
  const found: [string, string][] = [];
  for (const [key, value] of attributes)
    if (value !== "" && key !== SERVICE_KEY && indexed.has(key))
      found.push([escapedKey(key), value]);
  if (service !== "") found.push([SERVICE_LABEL, service]);
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a line carries besides its text; of equal names the line's own attribute counts. */
export function structuredMetadata(line: StoredLine): Labels {
  const found = new Map<string, string>();
  const add = (name: string, value: string): void => {
    if (value !== "" && !found.has(name)) found.set(name, value);
  };
  add("trace_id", line.traceId);
  add("span_id", line.spanId);
  add("detected_level", levelOf(line.severityNumber, line.severityText));
  if (line.severityNumber !== 0) add("severity_number", String(line.severityNumber));
  add("severity_text", line.severityText);
  if (line.traceFlags !== 0) add("flags", String(line.traceFlags));
  if (line.observedNs > 0n && line.observedNs !== line.timeNs)
    add("observed_timestamp", String(line.observedNs));
  add("scope_name", line.scopeName);
  add("scope_version", line.scopeVersion);
  for (const [key, value] of line.attributes) add(escapedKey(key), value);
  for (const [key, value] of line.scope) add(escapedKey(key), value);
  for (const [key, value] of line.resource) if (!indexed.has(key)) add(escapedKey(key), value);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
