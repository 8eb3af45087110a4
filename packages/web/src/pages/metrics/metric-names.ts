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
const runtimeNames = /^(process|nodejs|v8js|go|jvm|python|db|http|rpc|otel|otelcol|target|scrape|up)([_.]|$)/;

/** What to show when nothing was chosen: durations tell most, then anything that counts; a service's own measures first. */
export function firstFamily(families: readonly MetricFamily[]): MetricFamily | undefined {
  const rank = (family: MetricFamily) => kindRank(family) + (runtimeNames.test(family.name) ? 4 : 0);
  return [...families].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))[0];
}

function kindRank(family: MetricFamily): number {
  if (family.type !== "histogram") return family.type === "counter" ? 2 : 3;
  return family.unit === "s" || family.name.endsWith("_seconds") ? 0 : 1;
}

type Labels = MetricChartAnswer["series"][number]["labels"];

/** Short where one label tells series apart, `a=1, b=2` where several do. */
export function seriesName(labels: Labels, by: readonly string[], fallback: string): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return fallback;
  const only = by.length === 1 ? labels[by[0] ?? ""] : undefined;
  if (only !== undefined && entries.length === 1) return only === "" ? `no ${by[0]}` : only;
  return entries.map(([name, value]) => `${name}=${value}`).join(", ");
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
