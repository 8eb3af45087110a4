/** The series Prometheus writes about each scrape: `up`, `scrape_duration_seconds` and their like. */
import { type SampleBatch, Temporality } from "@triptych/model";
import type { Shaped } from "./shape-samples.ts";

export interface ScrapeReport {
  readonly isUp: boolean;
  readonly seconds: number;
  readonly shaped: Shaped;
  readonly bodyBytes: number;
  readonly timeoutMs: number;
  readonly sampleLimit: number;
}

const always: readonly (readonly [name: string, of: (report: ScrapeReport) => number])[] = [
  ["up", ({ isUp }) => (isUp ? 1 : 0)],
  ["scrape_duration_seconds", ({ seconds }) => seconds],
  ["scrape_samples_scraped", ({ shaped }) => shaped.scraped],
  ["scrape_samples_post_metric_relabeling", ({ shaped }) => shaped.kept],
  ["scrape_series_added", ({ shaped }) => shaped.added],
];
const extra: typeof always = [
  ["scrape_timeout_seconds", ({ timeoutMs }) => timeoutMs / 1000],
  ["scrape_sample_limit", ({ sampleLimit }) => sampleLimit],
  ["scrape_body_size_bytes", ({ bodyBytes }) => bodyBytes],
];

/** Adds them to a batch; without a report they are marked stale. */
export function addReport(
  batch: SampleBatch,
  report: ScrapeReport | undefined,
  target: {
    readonly labels: ReadonlyMap<string, string>;
    readonly withExtra: boolean;
    readonly atMs: number;
  },
): void {
  const { withExtra, atMs } = target;
  const labels = reportLabels(target.labels);
  for (const [name, of] of withExtra ? [...always, ...extra] : always) {
    batch.series.addLabelText("__name__", name);
    for (const [label, value] of labels) batch.series.addLabelText(label, value);
    const series = batch.series.end(Temporality.gauge);
    if (report === undefined) batch.samples.addStale(series, atMs, 0);
    else batch.samples.add(series, atMs, 0, of(report));
  }
}

const RENAMED_PREFIX = "exported_";

/** As in Prometheus, which renames a label that a target has too, here one that is not there: its new name is free. */
function reportLabels(
  labels: ReadonlyMap<string, string>,
): readonly (readonly [name: string, value: string])[] {
  return [...labels].filter(([name]) => {
    const bare = name.slice(RENAMED_PREFIX.length);
    return !name.startsWith(RENAMED_PREFIX) || !labels.has(bare) || bare < name;
  });
}
