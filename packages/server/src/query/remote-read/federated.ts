/** The newest sample of each series that was selected, grouped by family and typed by what is known of the family. */
import type { MetricType } from "@triptych/model";
import type { FederatedFamily, FederatedSample, ReadSeries } from "@triptych/wire";
import type { Ask, MetricsSource, SeriesMatcher } from "../metrics/source.ts";
import { readSeriesData } from "./series-data.ts";

export interface FederationQuestion {
  /** The union of what each selects. */
  readonly selectors: readonly (readonly SeriesMatcher[])[];
  readonly nowMs: number;
  readonly lookbackMs: number;
  /** Added to series that do not have them. */
  readonly externalLabels: readonly (readonly [name: string, value: string])[];
}

/** Families of several series, by the endings of their series' names. */
const partsOf: readonly (readonly [ending: string, types: readonly MetricType[]])[] = [
  ["_bucket", ["histogram", "gaugehistogram"]],
  ["_count", ["histogram", "summary"]],
  ["_sum", ["histogram", "summary"]],
  ["_gcount", ["gaugehistogram"]],
  ["_gsum", ["gaugehistogram"]],
  ["_total", ["counter"]],
];

export async function federated(
  source: MetricsSource,
  question: FederationQuestion,
  ask: Ask,
): Promise<FederatedFamily[]> {
  const found = new Map<string, FederatedSample>();
  // Without a label of its own a series must not get the scraper's: the empty value says so.
  const external = question.externalLabels.some(([name]) => name === "instance")
    ? question.externalLabels
    : [...question.externalLabels, ["instance", ""] as const];
  const range = { afterMs: question.nowMs - question.lookbackMs - 1, toMs: question.nowMs };
  for (const matchers of question.selectors)
    for await (const group of readSeriesData(source, { matchers, range }, ask))
      for (const series of group) {
        const sample = newest(series, external);
        if (sample !== undefined) found.set(JSON.stringify(series.labels), sample);
      }
  return families([...found.values()], await typesOf(source, [...found.values()], ask));
}

function newest(
  series: ReadSeries,
  external: FederationQuestion["externalLabels"],
): FederatedSample | undefined {
  const name = series.labels.find(([label]) => label === "__name__")?.[1] ?? "";
  if (name === "") return undefined;
  const own = series.labels.filter(([label]) => label !== "__name__");
  const names = new Set(own.map(([label]) => label));
  const added = external.filter(([label]) => !names.has(label));
  const labels = [...own, ...[...added].sort(([a], [b]) => (a < b ? -1 : 1))];
  const histogram = series.histograms[series.histograms.length - 1];
  if (series.end > series.start) {
    const row = series.end - 1;
    const words = series.valueWords.slice(row * 2, row * 2 + 2);
    if (isMarker(words)) return undefined;
    const value = new Float64Array(words.buffer)[0] as number;
    return { name, labels, timeMs: series.timeMs[row] as number, value };
  }
  if (histogram === undefined || isMarker(histogram.sumWords)) return undefined;
  return { name, labels, timeMs: histogram.timeMs, value: 0, histogram };
}

/** The formats have no markers for the end of a series: it is left out. */
const isMarker = (words: Uint32Array): boolean => words[0] === 2 && words[1] === 0x7ff00000;

async function typesOf(
  source: MetricsSource,
  samples: readonly FederatedSample[],
  ask: Ask,
): Promise<ReadonlyMap<string, MetricType>> {
  const names = new Set<string>();
  for (const { name } of samples) {
    names.add(name);
    for (const [ending] of partsOf)
      if (name.endsWith(ending)) names.add(name.slice(0, -ending.length));
  }
  if (names.size === 0) return new Map();
  const known = await source.metadata([...names], ask);
  return new Map(known.map(({ family, type }) => [family, type as MetricType]));
}

function families(
  samples: readonly FederatedSample[],
  types: ReadonlyMap<string, MetricType>,
): FederatedFamily[] {
  const found = new Map<string, { name: string; type: MetricType; samples: FederatedSample[] }>();
  for (const sample of samples) {
    const { name, type } = familyOf(sample, types);
    const key = `${name} ${sample.histogram === undefined}`;
    const family = found.get(key) ?? { name, type, samples: [] };
    found.set(key, family);
    family.samples.push(sample);
  }
  const byName = (a: { name: string }, b: { name: string }): number =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  for (const family of found.values()) family.samples.sort(byName);
  return [...found.values()].sort(byName);
}

function familyOf(
  { name, histogram }: FederatedSample,
  types: ReadonlyMap<string, MetricType>,
): { name: string; type: MetricType } {
  const own = types.get(name);
  if (histogram !== undefined)
    return { name, type: histogram.resetHint === 3 ? "gaugehistogram" : "histogram" };
  for (const [ending, kinds] of partsOf) {
    if (!name.endsWith(ending)) continue;
    const base = name.slice(0, -ending.length);
    const type = types.get(base);
    if (type === undefined || !kinds.includes(type)) continue;
    return type === "counter" ? { name, type } : { name: base, type };
  }
  if (own === "counter" || own === "gauge" || own === "summary") return { name, type: own };
  // A name of a family of several series that is none of them, and what is written as a plain number anyway.
  return { name, type: own === "info" || own === "stateset" ? "gauge" : "unknown" };
}
