/**
 * Metrics that `metrics` stages make of lines: counters, gauges and histograms with the labels of the entries, shown
 * at `/metrics`. Bounded: what is not seen for a while goes, and beyond a number of series lines are counted as lost.
 */
import type { Clock } from "@triptych/model";

export interface StageMetrics {
  /** The series of one metric; the same name twice is the same metric. */
  family(spec: FamilySpec): Family;
  /** In the Prometheus text format. */
  render(): string;
}

export interface FamilySpec {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly buckets: readonly number[];
  readonly idleMs: number;
}

export interface Family {
  change(labels: ReadonlyMap<string, string>, change: (series: Series) => void): void;
}

export interface Series {
  value: number;
  count: number;
  readonly buckets: number[];
  seenMs: number;
  readonly labels: string;
}

const SERIES_MAX = 10_000;

export function createStageMetrics(clock: Clock): StageMetrics {
  const families = new Map<string, FamilySpec & { readonly series: Map<string, Series> }>();
  let total = 0;
  let lost = 0;
  const sweep = (): void => {
    for (const { series, idleMs } of families.values())
      for (const [key, one] of series)
        if (clock.monotonicMs() - one.seenMs > idleMs) {
          series.delete(key);
          total--;
        }
  };
  return {
    family(spec) {
      const family = families.get(spec.name) ?? { ...spec, series: new Map<string, Series>() };
      if (family.type !== spec.type)
        throw new Error(`metric ${spec.name} is a ${family.type} elsewhere`);
      families.set(spec.name, family);
      return {
        change(labels, change) {
          const key = labelText(labels);
          let series = family.series.get(key);
          if (series === undefined) {
            if (total >= SERIES_MAX) sweep();
            if (total >= SERIES_MAX) {
              lost++;
              return;
            }
            total++;
            const buckets = new Array<number>(family.buckets.length).fill(0);
            series = { value: 0, count: 0, buckets, seenMs: 0, labels: key };
            family.series.set(key, series);
          }
          series.seenMs = clock.monotonicMs();
          change(series);
        },
      };
    },
    render() {
      sweep();
      let out = "";
      for (const family of families.values()) out += rendered(family);
      if (lost > 0)
        out += `# TYPE triptych_stage_metrics_lost_total counter\ntriptych_stage_metrics_lost_total ${lost}\n`;
      return out;
    },
  };
}

function rendered({
  name,
  type,
  help,
  buckets,
  series,
}: FamilySpec & { readonly series: ReadonlyMap<string, Series> }): string {
  if (series.size === 0) return "";
  let out = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  const braces = (labels: string): string => (labels === "" ? "" : `{${labels}}`);
  for (const one of series.values()) {
    if (type !== "histogram") {
      out += `${name}${braces(one.labels)} ${one.value}\n`;
      continue;
    }
    const prefix = one.labels === "" ? "" : `${one.labels},`;
    for (const [i, bound] of buckets.entries())
      out += `${name}_bucket{${prefix}le="${bound}"} ${one.buckets[i]}\n`;
    out += `${name}_bucket{${prefix}le="+Inf"} ${one.count}\n`;
    out += `${name}_sum${braces(one.labels)} ${one.value}\n${name}_count${braces(one.labels)} ${one.count}\n`;
  }
  return out;
}

function labelText(labels: ReadonlyMap<string, string>): string {
  return [...labels]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      const text = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
      return `${name}="${text}"`;
    })
    .join(",");
}
