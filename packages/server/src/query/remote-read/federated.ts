/** The newest sample of each series that was selected, grouped by name. */
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

/** A sample with labels of its own, and the text it is found under. */
const BYTES_PER_SAMPLE = 800;

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
    for await (const group of readSeriesData(source, { matchers, range }, ask)) {
      ask.memory?.take(group.length * BYTES_PER_SAMPLE);
      for (const series of group) {
        const sample = newest(series, external);
        if (sample !== undefined) found.set(JSON.stringify(series.labels), sample);
      }
    }
  return families(found.values());
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
  const row = series.end - 1;
  const isFloat =
    row >= series.start && !((series.timeMs[row] as number) < (histogram?.timeMs ?? 0));
  if (isFloat) {
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

function families(samples: Iterable<FederatedSample>): FederatedFamily[] {
  const found = new Map<string, { name: string; samples: FederatedSample[] }>();
  for (const sample of samples) {
    const { name, histogram } = sample;
    const key = `${name} ${histogram === undefined}`;
    const family = found.get(key) ?? { name, samples: [] };
    found.set(key, family);
    family.samples.push(sample);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
