/** What the Pushgateway shows: all groups as text exposition, and as the JSON that its page and its clients read. */
import type { MetricType } from "@triptych/model";
import type { Labels, PushedFamily } from "./families.ts";
import { familiesOfGroup, type PushedGroup } from "./gateway.ts";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Text format 0.0.4. Native histograms have no text form; their classic buckets, if pushed, have. */
export function renderText(groups: readonly PushedGroup[]): string {
  const families = new Map<string, PushedFamily[]>();
  for (const group of groups) {
    for (const family of familiesOfGroup(group)) {
      if (family.samples.length === 0) continue;
      const list = families.get(family.name);
      if (list === undefined) families.set(family.name, [family]);
      else list.push(family);
    }
  }
  let text = "";
  for (const [name, list] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [{ help, type }] = list as [PushedFamily];
    const shown = NAME.test(name) ? name : `"${escapedValue(name)}"`;
    if (help !== "")
      text += `# HELP ${shown} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n`;
    text += `# TYPE ${shown} ${textType(type)}\n`;
    for (const family of list)
      for (const { labels, value } of family.samples) text += `${seriesText(labels)} ${value}\n`;
  }
  return text;
}

/** 0.0.4 knows five types. */
function textType(type: MetricType): string {
  return ["counter", "gauge", "histogram", "summary"].includes(type) ? type : "untyped";
}

function seriesText(labels: Labels): string {
  let name = "";
  const parts: string[] = [];
  let hasInstance = false;
  for (const [label, value] of labels) {
    if (label === "__name__") name = value;
    else {
      const shown = LABEL_NAME.test(label) ? label : `"${escapedValue(label)}"`;
      parts.push(`${shown}="${escapedValue(value)}"`);
      hasInstance ||= label === "instance";
    }
  }
  // So that a Prometheus that scrapes this does not give the series an instance of its own.
  if (!hasInstance) parts.push('instance=""');
  if (NAME.test(name)) return `${name}{${parts.join(",")}}`;
  return `{"${escapedValue(name)}",${parts.join(",")}}`;
}

function escapedValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** The body of `GET /api/v1/metrics`. */
export function renderGroups(groups: readonly PushedGroup[]): object {
  return { status: "success", data: groups.map(groupJson) };
}

function groupJson(group: PushedGroup): object {
  const labels: Record<string, string> = Object.assign(Object.create(null), { instance: "" });
  for (const [name, value] of group.labels) labels[name] = value;
  const out: Record<string, unknown> = Object.assign(Object.create(null), {
    labels,
    last_push_successful: group.pushedAt >= group.failedAt,
  });
  for (const family of familiesOfGroup(group)) {
    out[family.name] = {
      time_stamp: new Date(family.atMs).toISOString(),
      type: family.type === "unknown" ? "UNTYPED" : family.type.toUpperCase(),
      help: family.help,
      metrics: metricsJson(family),
    };
  }
  return out;
}

/** One entry a metric: of a histogram or summary all its series together. */
function metricsJson(family: PushedFamily): object[] {
  const metrics = new Map<string, Record<string, unknown>>();
  for (const { labels, value } of family.samples) {
    const shown: Record<string, string> = Object.create(null);
    let name = "";
    let bound: string | undefined;
    for (const [label, text] of labels) {
      if (label === "__name__") name = text;
      else if (isBound(family.type, label)) bound = text;
      else shown[label] = text;
    }
    const key = JSON.stringify(shown);
    let metric = metrics.get(key);
    if (metric === undefined) {
      metric = { labels: shown };
      metrics.set(key, metric);
    }
    if (name.endsWith("_sum") && name !== family.name) metric["sum"] = value;
    else if (name.endsWith("_count") && name !== family.name) metric["count"] = value;
    else if (bound === undefined) metric["value"] = value;
    else {
      const field = family.type === "summary" ? "quantiles" : "buckets";
      const bounds: Record<string, string> = Object.assign(Object.create(null), metric[field]);
      metric[field] = bounds;
      bounds[bound] = value;
    }
  }
  return [...metrics.values()];
}

function isBound(type: MetricType, label: string): boolean {
  if (type === "summary") return label === "quantile";
  return (type === "histogram" || type === "gaugehistogram") && label === "le";
}
