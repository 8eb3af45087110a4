/** What a query's answer should be told with: warnings and notes, each once, with its place in the query. */
import { placeInBytes, type Span } from "../source.ts";
import { formatG, formatGPrecise, goQuote } from "./go-format.ts";

export interface Annotate {
  warning(message: string, span: Span): void;
  info(message: string, span: Span): void;
  /** The counts of classic buckets fell; told once, with how much and when. */
  forced(message: string, span: Span, detail: ForcedDetail): void;
  /** The sample's start lies before the sample before it; told once with how often. */
  overlap(metric: string, span: Span): void;
}

export interface ForcedDetail {
  readonly timeMs: number;
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
}

export function forMetric(message: string, metric: string): string {
  return metric === "" ? message : `${message} for metric name ${goQuote(metric)}`;
}

interface Note {
  readonly level: "warning" | "info";
  readonly span: Span;
  readonly detail: () => string;
}

/** Answers carry at most this many of each; more would only repeat the same mistake. */
const NOTES_MAX = 1000;

export class Annotations implements Annotate {
  private readonly notes = new Map<string, Note>();
  private readonly forcedDetails = new Map<string, Forced>();
  private readonly overlaps = new Map<string, { count: number }>();

  get isEmpty(): boolean {
    return this.notes.size === 0;
  }

  warning(message: string, span: Span): void {
    this.put(`PromQL warning: ${message}`, { level: "warning", span, detail: () => "" });
  }

  info(message: string, span: Span): void {
    this.put(`PromQL info: ${message}`, { level: "info", span, detail: () => "" });
  }

  forced(message: string, span: Span, detail: ForcedDetail): void {
    const key = `PromQL info: ${message}`;
    const known = this.forcedDetails.get(key);
    const { timeMs, minBucket, maxBucket, maxDiff } = detail;
    const all: Forced = {
      fromMs: Math.min(known?.fromMs ?? timeMs, timeMs),
      toMs: Math.max(known?.toMs ?? timeMs, timeMs),
      minBucket: Math.min(known?.minBucket ?? minBucket, minBucket),
      maxBucket: Math.max(known?.maxBucket ?? maxBucket, maxBucket),
      maxDiff: Math.max(known?.maxDiff ?? 0, maxDiff),
      count: (known?.count ?? 0) + 1,
    };
    this.forcedDetails.set(key, all);
    this.put(key, { level: "info", span, detail: () => forcedText(all) });
  }

  overlap(metric: string, span: Span): void {
    const message = "sample has start time that overlaps with previous sample timestamp";
    const key = `PromQL warning: ${message} for metric ${goQuote(metric)}`;
    const seen = this.overlaps.get(key) ?? { count: 0 };
    seen.count++;
    this.overlaps.set(key, seen);
    const detail = (): string => (seen.count > 1 ? ` (${seen.count} occurrences)` : "");
    this.put(key, { level: "warning", span, detail });
  }

  private put(key: string, note: Note): void {
    const known = this.notes.get(key);
    // Prometheus is done with the inner expression before it begins the outer one; rows that are folded are not.
    if (known !== undefined && surrounds(known.span, note.span)) return;
    if (known !== undefined || this.notes.size < NOTES_MAX) this.notes.set(key, note);
  }

  /** Messages with line and column in `query`. */
  texts(query: string): { warnings: string[]; infos: string[] } {
    const warnings: string[] = [];
    const infos: string[] = [];
    for (const [message, { level, span, detail }] of this.notes) {
      const { line, column } = placeInBytes(query, span.start);
      const list = level === "warning" ? warnings : infos;
      list.push(`${message}${detail()} (${line}:${column})`);
    }
    return { warnings, infos };
  }
}

const surrounds = (outer: Span, inner: Span): boolean =>
  outer.start < inner.start && outer.end >= inner.end;

interface Forced {
  readonly fromMs: number;
  readonly toMs: number;
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
  readonly count: number;
}

function forcedText(all: Forced): string {
  const time = (ms: number): string =>
    `${new Date(Math.trunc(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
  const buckets = `from buckets ${formatG(all.minBucket)} to ${formatG(all.maxBucket)}`;
  const diff = `with a max diff of ${formatGPrecise(all.maxDiff, 2)}`;
  return `, ${buckets}, ${diff}, over ${all.count} samples from ${time(all.fromMs)} to ${time(all.toMs)}`;
}

const quoted = goQuote;

/** Prometheus's messages, by what they are about. */
export const messages = {
  quantile: (q: number) => `quantile value should be between 0 and 1, got ${formatG(q)}`,
  ratio: (r: number, to: number) =>
    `ratio value should be between -1 and 1, got ${formatG(r)}, capping to ${formatG(to)}`,
  badBucketLabel: (le: string, metric: string) =>
    forMetric(`bucket label "le" is missing or has a malformed value of ${quoted(le)}`, metric),
  mixedFloatsHistograms: (metric: string) =>
    `encountered a mix of histograms and floats for metric name ${quoted(metric)}`,
  mixedFloatsHistogramsAggregation: "encountered a mix of histograms and floats for aggregation",
  mixedClassicNative: (metric: string) =>
    forMetric("vector contains a mix of classic and native histograms", metric),
  notCounter: (metric: string) =>
    `this native histogram metric is not a counter: ${quoted(metric)}`,
  notGauge: (metric: string) => `this native histogram metric is not a gauge: ${quoted(metric)}`,
  mixedSchemas: (metric: string) =>
    `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoted(metric)}`,
  incompatibleLayout: (op: string) =>
    `incompatible bucket layout encountered for binary operator ${op}`,
  sortInRange: "sort is ineffective for range queries since results are always ordered by labels",
  possibleNonCounter: (metric: string) =>
    `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoted(metric)}`,
  nonMonotonic: (metric: string) =>
    forMetric(
      "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
      metric,
    ),
  incompatibleTypes: (left: string, op: string, right: string) =>
    `incompatible sample types encountered for binary operator ${quoted(op)}: ${left} ${op} ${right}`,
  histogramIgnoredInAggregation: (op: string) => `ignored histogram in ${op} aggregation`,
  histogramIgnoredInRange: (metric: string) =>
    `ignored histograms in a range containing both floats and histograms for metric name ${quoted(metric)}`,
  resetCollision: (operation: string) => `conflicting counter resets during histogram ${operation}`,
  reconciled: (operation: string) =>
    `mismatched custom buckets were reconciled during ${operation}`,
} as const;
