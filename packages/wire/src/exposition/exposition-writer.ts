/**
 * What the readers of all exposition formats write into: series with the target's labels added, samples with the
 * time of the scrape unless they bring their own, families, exemplars, and counts of what was refused.
 */
import {
  type Limits,
  type MetricMetadata,
  type MetricType,
  SampleBatch,
  Temporality,
  TriptychError,
} from "@triptych/model";
import { ExemplarWriter } from "../remote-write/exemplar-writer.ts";
import type { NativeHistogram } from "../remote-write/native-histogram.ts";
import { SeriesLabels } from "../remote-write/series-labels.ts";
import { boundText, readFloat } from "./float-text.ts";

export interface ExpositionOptions {
  readonly limits: Limits;
  /** The time of the scrape or push: that of samples which bring none. */
  readonly nowMs: number;
  /** False gives all samples the time `nowMs`. True unless given. */
  readonly honorTimestamps?: boolean;
  /** Labels that every series gets: `job`, `instance`, a grouping key. */
  readonly extraLabels?: readonly (readonly [name: string, value: string])[];
  /**
   * What happens to a label of the body that an extra label also has: it becomes `exported_…` (a scrape), it wins
   * (`honor_labels`), or it gives way (a push). "rename" unless given.
   */
  readonly onConflict?: "rename" | "keep" | "replace";
  /** Classic buckets of a histogram that also is native; left out unless true. */
  readonly keepClassicHistograms?: boolean;
  /** Native histograms are read as the classic ones they also are; false unless given. */
  readonly ignoreNativeHistograms?: boolean;
  /** What precedes an error is kept and the error returned beside it, not thrown; false unless given. */
  readonly keepsPartial?: boolean;
  /** Samples too far ahead, or before 1970, are kept for the caller to refuse; false unless given. */
  readonly keepsUntimely?: boolean;
  /** Of OpenMetrics text: `…_created` is the start time of other samples, not a series of its own. */
  readonly createdAsStart?: boolean;
}

/** Why samples were refused one by one; what they are counted under. */
export type ExpositionRejection =
  | "label_invalid"
  | "label_limit"
  | "sample_too_new"
  | "sample_time_invalid"
  | "histogram_invalid"
  | "exemplar_invalid";

export interface DecodedExposition {
  readonly batch: SampleBatch;
  /** Samples and histograms refused one by one; a bad exemplar is only left out. */
  readonly rejected: number;
  readonly reason: string;
  readonly rejections: ReadonlyMap<ExpositionRejection, number>;
  /** With `keepsPartial`: why the rest is missing. */
  readonly failure?: TriptychError | undefined;
}

const FAMILIES_MAX = 100_000;
const BOUNDS_KEPT_MAX = 4096;
const RENAMED_PREFIX = "exported_";

export class ExpositionWriter {
  readonly batch = new SampleBatch();
  readonly labels: SeriesLabels;
  readonly exemplars: ExemplarWriter;
  readonly options: ExpositionOptions;
  readonly rejections = new Map<ExpositionRejection, number>();
  reason = "";

  /** The time of the open sample. */
  timeMs = 0;

  private readonly newestMs: number;
  private readonly extra: readonly { readonly name: number; readonly value: number }[];
  private readonly families = new Map<string, { type: MetricType; help: string; unit: string }>();
  private readonly bounds = new Map<number, number>();
  /** Labels of the body that gave way and wait for their new names. */
  private readonly renamed: { name: number; value: number }[] = [];
  private seen = 0;
  /** Samples before the open line, -1 when none is open. */
  private rowsBefore = -1;

  constructor(options: ExpositionOptions) {
    this.options = options;
    const { series } = this.batch;
    this.labels = new SeriesLabels(series, options.limits);
    this.exemplars = new ExemplarWriter(this.batch);
    this.newestMs = options.nowMs + options.limits.futureMsMax;
    this.extra = (options.extraLabels ?? [])
      .filter(([, value]) => value !== "")
      .map(([name, value]) => ({
        name: series.names.internText(name),
        value: series.values.internText(value),
      }));
  }

  /** A line of text begins: an error before it ends takes its sample away. */
  openLine(): void {
    this.rowsBefore = this.batch.samples.rows;
  }

  closeLine(): void {
    this.rowsBefore = -1;
  }

  /** Takes away what an unfinished line has written. */
  undoLine(): void {
    if (this.rowsBefore < 0 || this.rowsBefore === this.batch.samples.rows) return;
    this.batch.samples.rows = this.rowsBefore;
  }

  /** Opens a series; `offset` is where it is in the body. */
  begin(offset: number): void {
    const { pointsPerRequestMax } = this.options.limits;
    if (++this.seen > pointsPerRequestMax) {
      const text = `The exposition has more than ${pointsPerRequestMax} samples, at byte ${offset}`;
      throw new TriptychError("wire_too_many_items", text, { offset });
    }
    this.labels.begin(offset);
    this.renamed.length = 0;
    this.timeMs = this.options.nowMs;
  }

  /** A label of the body, by ids of the series table. */
  label(name: number, value: number): void {
    const conflicts = this.extra.length > 0 && this.extra.some((extra) => extra.name === name);
    if (!conflicts) this.labels.add(name, value);
    else if (this.options.onConflict === "keep") this.labels.add(name, value);
    else if (this.options.onConflict !== "replace") this.renamed.push({ name, value });
  }

  /** Closes the series: its row, or -1 when its labels are refused. */
  end(temporality: number): number {
    const { labels } = this;
    for (const { name, value } of this.extra) if (!labels.has(name)) labels.add(name, value);
    const { names, values } = this.batch.series;
    for (const { name, value } of this.renamed) {
      if (values.entries.sizeOf(value) === 0) continue;
      let renamed = names.internText(RENAMED_PREFIX + names.text(name));
      while (labels.has(renamed)) renamed = names.internText(RENAMED_PREFIX + names.text(renamed));
      labels.add(renamed, value);
    }
    const row = labels.end(temporality);
    if (row < 0 && labels.problem !== undefined)
      this.reject(labels.problem.reason, labels.problem.text);
    return row;
  }

  /** The time the open sample brings. */
  setTime(timeMs: number): void {
    if (this.options.honorTimestamps !== false) this.timeMs = timeMs;
  }

  /** Adds a sample to a row of `end`; false when it is refused. */
  sample(series: number, value: number, startMs = 0): boolean {
    if (series < 0 || !this.isTimely()) return false;
    this.batch.samples.add(series, this.timeMs, startMs, value);
    return true;
  }

  histogram(series: number, histogram: NativeHistogram): boolean {
    if (series < 0 || !this.isTimely()) return false;
    histogram.timeMs = this.timeMs;
    const problem = histogram.problem();
    if (problem === "") {
      histogram.compact();
      histogram.addTo(this.batch.histograms, series);
    } else this.reject("histogram_invalid", problem);
    return problem === "";
  }

  /** Ends the open exemplar; without a time of its own it has that of its sample. */
  exemplar(series: number, value: number, timeMs: number | undefined): void {
    const atMs = timeMs ?? this.timeMs;
    const isTimely = atMs >= 0 && atMs <= this.newestMs;
    if (series >= 0 && (!isTimely || !this.exemplars.end(series, atMs, value)))
      this.reject("exemplar_invalid", "");
  }

  private isTimely(): boolean {
    const { timeMs, newestMs } = this;
    if (timeMs >= 0 && timeMs <= newestMs) return true;
    if (this.options.keepsUntimely === true) return true;
    const seconds = this.options.limits.futureMsMax / 1000;
    if (timeMs >= 0)
      this.reject("sample_too_new", `a sample is more than ${seconds} s in the future`);
    else this.reject("sample_time_invalid", "a sample has a time before 1970");
    return false;
  }

  reject(code: ExpositionRejection, text: string): void {
    this.rejections.set(code, (this.rejections.get(code) ?? 0) + 1);
    if (this.reason === "" && code !== "exemplar_invalid") this.reason = text;
  }

  /** What is known of a family, to be added to; `offset` is where that is said. */
  family(name: string, offset: number): { type: MetricType; help: string; unit: string } {
    let family = this.families.get(name);
    if (family === undefined) {
      if (this.families.size >= FAMILIES_MAX) {
        const text = `The exposition has more than ${FAMILIES_MAX} families, at byte ${offset}`;
        throw new TriptychError("wire_too_many_items", text, { offset });
      }
      family = { type: "unknown", help: "", unit: "" };
      this.families.set(name, family);
    }
    return family;
  }

  /** The canonical form of the value of `le` or `quantile`, as Prometheus 3 keeps it: `1` becomes `1.0`. */
  bound(value: number): number {
    const known = this.bounds.get(value);
    if (known !== undefined) return known;
    const { values } = this.batch.series;
    const { bytes, offsets } = values.entries;
    const number = readFloat(bytes, offsets[value] as number, offsets[value + 1] as number);
    const canonical = number === undefined ? value : values.internText(boundText(number));
    if (this.bounds.size >= BOUNDS_KEPT_MAX) this.bounds.clear();
    this.bounds.set(value, canonical);
    return canonical;
  }

  finish(): DecodedExposition {
    const { batch, reason, rejections } = this;
    for (const [family, rest] of this.families) {
      const metadata: MetricMetadata = { family, ...rest };
      batch.metadata.push(metadata);
    }
    let rejected = 0;
    for (const [code, count] of rejections) if (code !== "exemplar_invalid") rejected += count;
    return { batch, rejected, reason, rejections };
  }
}

/** How the values of a family's series relate in time. */
export function temporalityOf(type: MetricType): number {
  return type === "counter" || type === "histogram" || type === "summary"
    ? Temporality.cumulative
    : Temporality.gauge;
}
