/**
 * What StatsD clients sent, added up in memory: counters, gauges, sets and observers by name and labels, bounded, as
 * samples when asked. A counter's first sample is preceded by a zero, so that `increase` counts what it began with.
 */
import { type MetricType, SampleBatch, Temporality } from "@triptych/model";
import { boundText, type StatsdKind, type StatsdSample } from "@triptych/wire";
import type { Mapped, ObserverForm } from "./mapping.ts";

export interface StatsdRegistry {
  /** Series by StatsD's meaning: a timer is one. */
  readonly size: number;
  /** Adds a sample; the reason when it is not taken. */
  add(
    mapped: Mapped,
    tags: readonly (readonly [name: string, value: string])[],
    sample: StatsdSample,
    nowMs: number,
  ): "statsd_type_conflict" | "statsd_too_many_series" | undefined;
  /** Batches with everything as of now; what has reached its time to live ends. */
  flush(nowMs: number): Generator<SampleBatch>;
}

export interface StatsdRegistryOptions {
  readonly seriesMax: number;
  readonly ttlMs: number;
  readonly labels: readonly (readonly [name: string, value: string])[];
}

interface Entry {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly type: EntryType;
  readonly help: string;
  readonly ttlMs: number;
  lastMs: number;
  isNew: boolean;
  value: number;
  count: number;
  readonly observer: ObserverForm;
  readonly buckets: number[];
  /** The newest values with their times, for a summary's quantiles. */
  readonly recent: [timeMs: number, value: number][];
  recentAt: number;
  readonly members: Set<string>;
}
type EntryType = "counter" | "gauge" | "set" | "summary" | "histogram";

/** A summary's quantiles are of these newest values, and of no older ones than ten minutes. */
const RECENT_MAX = 512;
const RECENT_MS_MAX = 600_000;
const MEMBERS_MAX = 10_000;
const BATCH_ROWS_MAX = 10_000;
const TAG_CHARS_MAX = 1_000;

export function createStatsdRegistry(
  options: StatsdRegistryOptions,
  startedMs: number,
): StatsdRegistry {
  const entries = new Map<string, Entry>();
  const types = new Map<string, { readonly type: EntryType; series: number }>();
  let lastFlushMs = startedMs;
  const remove = (key: string, { name }: Entry): void => {
    entries.delete(key);
    const of = types.get(name);
    if (of !== undefined && --of.series === 0) types.delete(name);
  };
  return {
    get size() {
      return entries.size;
    },
    add(mapped, tags, sample, nowMs) {
      const type = typeOf(sample.kind, mapped.observer);
      const labels = labelsOf(mapped, tags, options.labels);
      const key = JSON.stringify([mapped.name, labels]);
      let entry = entries.get(key);
      if (entry === undefined) {
        const of = types.get(mapped.name);
        if (of !== undefined && of.type !== type) return "statsd_type_conflict";
        if (entries.size >= options.seriesMax) return "statsd_too_many_series";
        entry = newEntry(mapped, { labels, type, ttlMs: mapped.ttlMs ?? options.ttlMs });
        entries.set(key, entry);
        if (of === undefined) types.set(mapped.name, { type, series: 1 });
        else of.series++;
      } else if (entry.type !== type) return "statsd_type_conflict";
      entry.lastMs = nowMs;
      addSample(entry, sample, mapped.scale, nowMs);
      return undefined;
    },
    *flush(nowMs) {
      const zeroMs = Math.min(lastFlushMs + 1, nowMs - 1);
      lastFlushMs = nowMs;
      let batch = new SampleBatch(256);
      const told = new Set<string>();
      for (const [key, entry] of entries) {
        const ends = entry.ttlMs > 0 && nowMs - entry.lastMs > entry.ttlMs;
        writeEntry(batch, entry, { nowMs, zeroMs, ends });
        if (!told.has(entry.name)) batch.metadata.push(metadataOf(entry));
        told.add(entry.name);
        entry.isNew = false;
        if (entry.type === "set") entry.members.clear();
        if (ends) remove(key, entry);
        if (batch.rows < BATCH_ROWS_MAX) continue;
        yield batch;
        batch = new SampleBatch(256);
      }
      if (batch.rows > 0) yield batch;
    },
  };
}

function typeOf(kind: StatsdKind, { type }: ObserverForm): EntryType {
  return kind === "counter" || kind === "gauge" || kind === "set" ? kind : type;
}

const INVALID_LABEL = /[^a-zA-Z0-9_]/g;

function labelsOf(
  { labels, honorsTags }: Mapped,
  tags: readonly (readonly [string, string])[],
  constant: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  if (labels.length === 0 && tags.length === 0) return constant;
  const out = new Map<string, string>(constant);
  const ofTags = tags.map(([name, value]) => {
    const clean = name.replace(INVALID_LABEL, "_");
    return [/^\d/.test(clean) ? `_${clean}` : clean, value.slice(0, TAG_CHARS_MAX)] as const;
  });
  for (const [name, value] of honorsTags ? [...labels, ...ofTags] : [...ofTags, ...labels])
    if (name !== "le" && name !== "quantile" && name !== "__name__" && value !== "")
      out.set(name, value);
  return [...out].sort(([a], [b]) => (a < b ? -1 : 1));
}

function newEntry(
  { name, help, observer }: Mapped,
  own: Pick<Entry, "labels" | "type" | "ttlMs">,
): Entry {
  return {
    name,
    help,
    observer,
    ...own,
    lastMs: 0,
    isNew: true,
    value: 0,
    count: 0,
    buckets: own.type === "histogram" ? observer.buckets.map(() => 0) : [],
    recent: [],
    recentAt: 0,
    members: new Set(),
  };
}

const MS = 1e-3;

function addSample(entry: Entry, sample: StatsdSample, scale: number, nowMs: number): void {
  const { kind, weight, isRelative, member } = sample;
  const value = sample.value * scale * (kind === "timer" ? MS : 1);
  switch (entry.type) {
    case "counter":
      // A counter of Prometheus cannot go down; what would is left out, as there.
      if (value >= 0) entry.value += value * weight;
      return;
    case "gauge":
      entry.value = isRelative ? entry.value + value : value;
      return;
    case "set":
      if (entry.members.size < MEMBERS_MAX) entry.members.add(member);
      return;
    case "summary":
    case "histogram":
      entry.value += value * weight;
      entry.count += weight;
      if (entry.type === "summary") {
        entry.recent[entry.recentAt] = [nowMs, value];
        entry.recentAt = (entry.recentAt + 1) % RECENT_MAX;
        return;
      }
      entry.observer.buckets.forEach((bound, i) => {
        if (value <= bound) entry.buckets[i] = (entry.buckets[i] as number) + weight;
      });
  }
}

interface When {
  readonly nowMs: number;
  readonly zeroMs: number;
  readonly ends: boolean;
}

function writeEntry(batch: SampleBatch, entry: Entry, when: When): void {
  const write = (suffix: string, value: number, extra?: readonly [string, string]): void => {
    const { series, samples } = batch;
    series.addLabelText("__name__", entry.name + suffix);
    for (const [name, text] of entry.labels) series.addLabelText(name, text);
    if (extra !== undefined) series.addLabelText(extra[0], extra[1]);
    const isGauge = entry.type === "gauge" || entry.type === "set" || extra?.[0] === "quantile";
    const row = series.end(isGauge ? Temporality.gauge : Temporality.cumulative);
    if (when.ends) samples.addStale(row, when.nowMs, 0);
    else {
      if (entry.isNew && !isGauge) samples.add(row, when.zeroMs, when.zeroMs, 0);
      samples.add(row, when.nowMs, 0, value);
    }
  };
  switch (entry.type) {
    case "counter":
    case "gauge":
      write("", entry.value);
      return;
    case "set":
      write("", entry.members.size);
      return;
    case "summary": {
      const values = recentValues(entry, when.nowMs);
      for (const level of entry.observer.quantiles) {
        const at = Math.min(values.length - 1, Math.floor(level * values.length));
        write("", values[at] ?? Number.NaN, ["quantile", String(level)]);
      }
      break;
    }
    case "histogram":
      entry.observer.buckets.forEach((bound, i) => {
        write("_bucket", entry.buckets[i] as number, ["le", boundText(bound)]);
      });
      write("_bucket", entry.count, ["le", "+Inf"]);
  }
  write("_sum", entry.value);
  write("_count", entry.count);
}

function recentValues({ recent }: Entry, nowMs: number): number[] {
  const values: number[] = [];
  for (const [timeMs, value] of recent) if (nowMs - timeMs <= RECENT_MS_MAX) values.push(value);
  return values.sort((a, b) => a - b);
}

function metadataOf({ name, type, help }: Entry): {
  readonly family: string;
  readonly type: MetricType;
  readonly unit: string;
  readonly help: string;
} {
  return {
    family: name,
    type: type === "set" ? "gauge" : type,
    unit: "",
    help: help || "Metric from StatsD clients.",
  };
}
