/** Names around metrics: groups of the list, names of series, what can be shown of which type. */
import type { MetricChartAnswer, MetricFamily } from "@triptych/contract";

export interface FamilyGroup {
  readonly name: string;
  readonly families: readonly MetricFamily[];
}

/** By the first word of the name; words with a single metric are gathered at the end. */
export function groupFamilies(families: readonly MetricFamily[]): FamilyGroup[] {
  const byWord = new Map<string, MetricFamily[]>();
  for (const family of families) {
    const word = /^[a-zA-Z0-9]+/.exec(family.name)?.[0] ?? "other";
    const list = byWord.get(word);
    if (list === undefined) byWord.set(word, [family]);
    else list.push(family);
  }
  const single: MetricFamily[] = [];
  const groups: FamilyGroup[] = [];
  for (const [name, list] of [...byWord].sort(([a], [b]) => (a < b ? -1 : 1))) {
    list.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (list.length === 1) single.push(...list);
    else groups.push({ name, families: list });
  }
  return single.length === 0
    ? groups
    : [...groups, { name: groups.length === 0 ? "all" : "others", families: single }];
}

/** What every service reports about itself: its own measures say more about what it does. */
const runtimeNames =
  /^(process|nodejs|v8js|go|jvm|python|db|http|rpc|otel|otelcol|target|scrape|up)([_.]|$)/;

/** What to show when nothing was chosen: durations tell most, then anything that counts; a service's own measures first. */
export function firstFamily(families: readonly MetricFamily[]): MetricFamily | undefined {
  const rank = (family: MetricFamily) =>
    kindRank(family) + (runtimeNames.test(family.name) ? 4 : 0);
  return [...families].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))[0];
}

function kindRank(family: MetricFamily): number {
  if (family.type !== "histogram") return family.type === "counter" ? 2 : 3;
  return family.unit === "s" || family.name.endsWith("_seconds") ? 0 : 1;
}

type Labels = MetricChartAnswer["series"][number]["labels"];

/**
 * Names for series that stand beside each other: only the labels in which they differ. One such label is named by its
 * value alone, several as `a=1, b=2`; a lone series gets the fallback.
 */
export function seriesNames(all: readonly Labels[], fallback: string): string[] {
  const telling = tellingLabels(all);
  return all.map((labels) => {
    const [only] = telling;
    if (only === undefined) return fallback;
    const value = (key: string) => labels[key] ?? "";
    if (telling.length === 1) return value(only) === "" ? `no ${only}` : value(only);
    return telling.map((key) => `${key}=${value(key)}`).join(", ");
  });
}

/** Labels in which series differ. */
export function tellingLabels(all: readonly Labels[]): string[] {
  const keys = [...new Set(all.flatMap((labels) => Object.keys(labels)))];
  return keys.filter((key) => all.some((labels) => (labels[key] ?? "") !== (all[0]?.[key] ?? "")));
}

/** Labels that are parts of a metric's own encoding: grouping by them means nothing. */
export function isEncodingLabel(name: string): boolean {
  return name === "le" || name === "quantile" || name === "__name__";
}

export type View = MetricChartAnswer["view"];

export function viewsOf(type: MetricFamily["type"] | undefined): readonly View[] {
  switch (type) {
    case "counter":
      return ["rate", "value"];
    case "histogram":
      return ["p50", "p95", "p99", "rate", "count"];
    case "summary":
      return ["value", "rate", "count"];
    default:
      return ["value", "rate"];
  }
}

export const viewWords: { readonly [view in View]: string } = {
  value: "Value",
  rate: "Rate",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  count: "Count",
};
