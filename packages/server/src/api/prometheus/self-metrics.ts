/**
 * `/status/self_metrics`: our own metrics, as the JSON form of the protobuf exposition format. In comes what `/metrics`
 * shows; out come the families whose whole name a pattern of RE2 matches.
 */
import { defaultLimits, type MetricMetadata, type SampleBatch } from "@triptych/model";
import { parseExposition } from "@triptych/wire";
import { wholeMatcher } from "../../regex/regex.ts";

type Json = { readonly [name: string]: unknown };
type Labels = readonly (readonly [name: string, value: string])[];

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Throws `query_invalid` when the pattern is wrong. */
export function selfMetricsAnswer(exposed: string, pattern: string, nowMs: number): Json[] {
  const isWanted = pattern === "" ? () => true : wholeMatcher(pattern, 0);
  const bytes = new TextEncoder().encode(exposed);
  const steps = parseExposition(bytes, "text/plain", { limits: defaultLimits, nowMs });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  const { batch } = step.value;
  const samples = samplesOf(batch);
  const byName = byNameOf(samples);
  return batch.metadata
    .filter(({ family }) => isWanted(family))
    .sort((a, b) => (a.family < b.family ? -1 : 1))
    .map((meta) => familyJson(meta, byName));
}

function byNameOf(samples: readonly Sample[]): Map<string, Sample[]> {
  const out = new Map<string, Sample[]>();
  for (const sample of samples) {
    const list = out.get(sample.name) ?? [];
    list.push(sample);
    out.set(sample.name, list);
  }
  return out;
}

function samplesOf({ samples, series }: SampleBatch): Sample[] {
  return Array.from({ length: samples.rows }, (_, row) => {
    const labels = series.labels(samples.series[row] as number);
    return {
      name: labels.find(([name]) => name === "__name__")?.[1] ?? "",
      labels: labels.filter(([name]) => name !== "__name__"),
      value: samples.value[row] as number,
    };
  });
}

function familyJson(
  { family, type, help }: MetricMetadata,
  byName: ReadonlyMap<string, readonly Sample[]>,
): Json {
  const of = (name: string): readonly Sample[] => byName.get(name) ?? [];
  const head = { name: family, ...(help === "" ? {} : { help }) };
  const simple = (kind: string, field: string): Json => ({
    ...head,
    type: kind,
    metric: of(family).map(({ labels, value }) => ({
      ...labelJson(labels),
      [field]: { value: number(value) },
    })),
  });
  switch (type) {
    case "counter":
      return simple("COUNTER", "counter");
    case "gauge":
      return simple("GAUGE", "gauge");
    case "histogram":
      return { ...head, type: "HISTOGRAM", metric: parts(family, "le", of) };
    case "summary":
      return { ...head, type: "SUMMARY", metric: parts(family, "quantile", of) };
    default:
      return simple("UNTYPED", "untyped");
  }
}

/** Histograms and summaries: the samples that differ only in `le` or `quantile` are one metric. */
function parts(
  family: string,
  label: "le" | "quantile",
  of: (name: string) => readonly Sample[],
): Json[] {
  const isHistogram = label === "le";
  const pieces = of(isHistogram ? `${family}_bucket` : family);
  const sums = new Map(of(`${family}_sum`).map((one) => [JSON.stringify(one.labels), one.value]));
  return of(`${family}_count`).map(({ labels, value }) => {
    const key = JSON.stringify(labels);
    const own = pieces.flatMap((piece) => {
      const at = piece.labels.find(([name]) => name === label)?.[1];
      const rest = piece.labels.filter(([name]) => name !== label);
      if (at === undefined || JSON.stringify(rest) !== key) return [];
      const place = number(at === "+Inf" ? Number.POSITIVE_INFINITY : Number(at));
      return [
        isHistogram
          ? { cumulativeCount: String(piece.value), upperBound: place }
          : { quantile: place, value: number(piece.value) },
      ];
    });
    const all = { sampleCount: String(value), sampleSum: number(sums.get(key) ?? 0) };
    return {
      ...labelJson(labels),
      ...(isHistogram
        ? { histogram: { ...all, bucket: own } }
        : { summary: { ...all, quantile: own } }),
    };
  });
}

function labelJson(labels: Labels): Json {
  return labels.length === 0 ? {} : { label: labels.map(([name, value]) => ({ name, value })) };
}

/** JSON has no numbers for these; the mapping of protobuf has names. */
function number(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
