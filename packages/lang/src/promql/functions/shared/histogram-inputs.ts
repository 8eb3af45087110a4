/** The histograms of a vector: native ones, and classic ones made of the series of their buckets. */
import { messages } from "../../annotations.ts";
import type { PromqlExpr } from "../../ast.ts";
import type { Evaluation } from "../../evaluation.ts";
import type { Histogram } from "../../histogram.ts";
import type { ClassicBucket } from "../../histogram-quantile.ts";
import { dropLabels, type Labels, labelValue, metricName } from "../../labels.ts";
import { FLOAT, HISTOGRAM, type Row } from "../../rows.ts";
import type { Grid } from "../../series.ts";

const LE = new Set(["le"]);

interface Classic {
  readonly labels: Labels;
  readonly rows: { readonly upper: number; readonly row: Row }[];
}

export interface Inputs {
  readonly classic: ReadonlyMap<string, Classic>;
  readonly native: readonly Row[];
}

/** Go's number syntax, as far as anybody writes it in `le`. */
function parseBound(text: string): number | undefined {
  if (/^[+-]?inf(?:inity)?$/i.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

export function inputsOf(rows: readonly Row[], evaluation: Evaluation, arg: PromqlExpr): Inputs {
  const classic = new Map<string, Classic>();
  const native: Row[] = [];
  for (const row of rows) {
    if (row.kind.includes(HISTOGRAM)) native.push(row);
    if (!row.kind.includes(FLOAT)) continue;
    const le = labelValue(row.labels, "le");
    const upper = parseBound(le);
    if (upper === undefined) {
      const message = messages.badBucketLabel(le, metricName(row.labels));
      evaluation.annotations.warning(message, arg.span);
      continue;
    }
    const labels = dropLabels(row.labels, LE);
    const known = classic.get(labels.key);
    if (known === undefined) classic.set(labels.key, { labels, rows: [{ upper, row }] });
    else known.rows.push({ upper, row });
  }
  return { classic, native };
}

export interface Visitor {
  native(labels: Labels, histogram: Histogram, step: number): void;
  classic(labels: Labels, buckets: readonly ClassicBucket[], step: number): void;
}

/** Each histogram of each step; where a native and a classic one share their labels, neither counts. */
export async function visit(
  inputs: Inputs,
  context: { readonly evaluation: Evaluation; readonly grid: Grid; readonly arg: PromqlExpr },
  visitor: Visitor,
): Promise<void> {
  const { evaluation, grid, arg } = context;
  const { classic, native } = inputs;
  const bucketsAt = (of: Classic, step: number): ClassicBucket[] =>
    of.rows.flatMap(({ upper, row }) =>
      row.kind[step] === FLOAT ? [{ upper, count: row.value[step] as number }] : [],
    );
  const conflicts = new Map<string, Set<number>>();
  for (const row of native) {
    const twin = classic.get(row.labels.key);
    for (let step = 0; step < grid.count; step++) {
      const histogram = row.histograms?.[step];
      if (row.kind[step] !== HISTOGRAM || histogram === undefined) continue;
      if (twin !== undefined && bucketsAt(twin, step).length > 0) {
        const message = messages.mixedClassicNative(metricName(row.labels));
        evaluation.annotations.warning(message, arg.span);
        const steps = conflicts.get(row.labels.key) ?? new Set<number>();
        conflicts.set(row.labels.key, steps.add(step));
        continue;
      }
      visitor.native(row.labels, histogram, step);
    }
    await evaluation.pause();
  }
  for (const [key, group] of classic) {
    const conflict = conflicts.get(key);
    for (let step = 0; step < grid.count; step++) {
      if (conflict?.has(step)) continue;
      const buckets = bucketsAt(group, step);
      if (buckets.length > 0) visitor.classic(group.labels, buckets, step);
    }
    await evaluation.pause();
  }
}
