/** Metric families: which names belong together, and of what type they are. */
import type { MetricFamily } from "@triptych/contract";
import type { MetadataEntry, MetricsSource, Ask, SeriesRange } from "./source.ts";

const types = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;

/** Suffixes that a family's type adds to its name. */
const suffixes: readonly (readonly [suffix: string, types: readonly MetricFamily["type"][]])[] = [
  ["_bucket", ["histogram", "gaugehistogram"]],
  ["_count", ["histogram", "summary", "gaugehistogram"]],
  ["_sum", ["histogram", "summary", "gaugehistogram"]],
  ["_gcount", ["gaugehistogram"]],
  ["_gsum", ["gaugehistogram"]],
  ["_created", ["counter", "histogram", "summary"]],
  ["_total", ["counter"]],
  ["_info", ["info"]],
];

export function typeOf(text: string | undefined): MetricFamily["type"] {
  return types.find((type) => type === text) ?? "unknown";
}

/** Families seen in the range, by name. */
export async function listFamilies(
  source: MetricsSource,
  options: { readonly search: string; readonly range: SeriesRange; readonly ask: Ask },
): Promise<MetricFamily[]> {
  const { search, range, ask } = options;
  const names = await source.metricNames(search, range, ask);
  const metadata = new Map((await source.metadata([], ask)).map((entry) => [entry.family, entry]));
  const known = new Set(names.map(({ metric }) => metric));
  const families = new Map<string, MetricFamily>();
  for (const { metric, series } of names) {
    const name = familyOf(metric, metadata, known);
    const found = families.get(name);
    const entry = metadata.get(name);
    families.set(name, {
      name,
      type: entry === undefined ? guessType(name, known) : typeOf(entry.type),
      unit: entry?.unit ?? "",
      help: entry?.help ?? "",
      series: series + (found?.series ?? 0),
    });
  }
  return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function familyOf(
  metric: string,
  metadata: ReadonlyMap<string, MetadataEntry>,
  known: ReadonlySet<string>,
): string {
  if (metadata.has(metric)) return metric;
  for (const [suffix, owners] of suffixes) {
    if (!metric.endsWith(suffix)) continue;
    const base = metric.slice(0, -suffix.length);
    const entry = metadata.get(base);
    if (entry !== undefined && owners.includes(typeOf(entry.type))) return base;
    if (owners.includes("histogram") && known.has(`${base}_bucket`)) return base;
  }
  return metric;
}

/** Without metadata the name's ending tells what is likely. */
export function guessType(name: string, known: ReadonlySet<string>): MetricFamily["type"] {
  if (known.has(`${name}_bucket`)) return "histogram";
  return /_(?:total|count|sum|bucket)$/.test(name) || known.has(`${name}_total`)
    ? "counter"
    : "unknown";
}
