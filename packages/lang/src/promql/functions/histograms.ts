/** Functions of histograms, native and classic. */
import { messages } from "../annotations.ts";
import type { Call, PromqlExpr } from "../ast.ts";
import type { Evaluation } from "../evaluation.ts";
import type { Grid } from "../series.ts";
import { formatG } from "../go-format.ts";
import { allBuckets, type Histogram, isCustom } from "../histogram.ts";
import {
  bucketFraction,
  bucketQuantile,
  type ClassicBucket,
  histogramFraction,
  histogramQuantile,
} from "../histogram-quantile.ts";
import { type KahanSum, kahanAdd } from "../kahan.ts";
import { dropLabels, type Labels, labelValue, metricName, withLabel } from "../labels.ts";
import { FLOAT, HISTOGRAM, type Row, RowSet } from "../rows.ts";
import { define, type FunctionSpec, type SpecialRun } from "./spec.ts";

const LE = new Set(["le"]);

interface Classic {
  readonly labels: Labels;
  readonly rows: { readonly upper: number; readonly row: Row }[];
}

interface Inputs {
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

function inputsOf(rows: readonly Row[], evaluation: Evaluation, arg: PromqlExpr): Inputs {
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

interface Visitor {
  native(labels: Labels, histogram: Histogram, step: number): void;
  classic(labels: Labels, buckets: readonly ClassicBucket[], step: number): void;
}

/** Each histogram of each step; where a native and a classic one share their labels, neither counts. */
async function visit(
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

const at = (call: Call, i: number): PromqlExpr => call.args[i] as PromqlExpr;

function warnQuantiles(evaluation: Evaluation, values: Float64Array, arg: PromqlExpr): void {
  for (const q of values)
    if (!(q >= 0 && q <= 1)) evaluation.annotations.warning(messages.quantile(q), arg.span);
}

/** Writes the quantiles that `q` gives for each step. */
function quantileVisitor(
  evaluation: Evaluation,
  out: RowSet,
  how: {
    readonly q: Float64Array;
    readonly arg: PromqlExpr;
    readonly grid: Grid;
    readonly label: (labels: Labels, q: number) => Labels;
    /** Classic histograms whose counts were found to fall, for several quantiles of them: told with the first. */
    readonly told?: Set<string> | undefined;
  },
): Visitor {
  const { q, arg, grid, label, told } = how;
  const { annotations } = evaluation;
  return {
    native(labels, histogram, step) {
      const report = { annotate: annotations, metric: metricName(labels), span: arg.span };
      const wanted = q[step] as number;
      const value = histogramQuantile(wanted, histogram, report);
      out.put(label(labels, wanted), { step, dropName: true }, value);
    },
    classic(labels, buckets, step) {
      const wanted = q[step] as number;
      const { value, forced } = bucketQuantile(wanted, buckets);
      const timeMs = grid.startMs + step * grid.stepMs;
      const of = `${step} ${labels.key}`;
      if (forced !== undefined && told?.has(of) !== true) {
        told?.add(of);
        annotations.forced(messages.nonMonotonic(metricName(labels)), arg.span, {
          ...forced,
          timeMs,
        });
      }
      out.put(label(labels, wanted), { step, dropName: true }, value);
    },
  };
}

const quantileOf: SpecialRun = async (evaluation, call, grid) => {
  const q = await evaluation.scalar(at(call, 0), grid);
  const arg = at(call, 1);
  const rows = await evaluation.evaluate(arg, grid);
  warnQuantiles(evaluation, q, at(call, 0));
  const out = new RowSet(grid.count);
  const label = (labels: Labels): Labels => labels;
  const visitor = quantileVisitor(evaluation, out, { q, arg, grid, label });
  await visit(inputsOf(rows, evaluation, arg), { evaluation, grid, arg }, visitor);
  return out.rows;
};

/** As OpenMetrics writes numbers: whole ones with a fraction. */
function openMetricsFloat(value: number): string {
  const text = formatG(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const quantilesOf: SpecialRun = async (evaluation, call, grid) => {
  const arg = at(call, 0);
  const nameArg = at(call, 1);
  const name = nameArg.kind === "string" ? nameArg.value : "";
  const rows = await evaluation.evaluate(arg, grid);
  const inputs = inputsOf(rows, evaluation, arg);
  const out = new RowSet(grid.count);
  const told = new Set<string>();
  for (const quantileArg of call.args.slice(2)) {
    const q = await evaluation.scalar(quantileArg, grid);
    warnQuantiles(evaluation, q, quantileArg);
    const label = (labels: Labels, value: number): Labels =>
      withLabel(labels, name, openMetricsFloat(value));
    const visitor = quantileVisitor(evaluation, out, { q, arg, grid, label, told });
    await visit(inputs, { evaluation, grid, arg }, visitor);
  }
  return out.rows;
};

const fractionOf: SpecialRun = async (evaluation, call, grid) => {
  const lower = await evaluation.scalar(at(call, 0), grid);
  const upper = await evaluation.scalar(at(call, 1), grid);
  const arg = at(call, 2);
  const rows = await evaluation.evaluate(arg, grid);
  const out = new RowSet(grid.count);
  const { annotations } = evaluation;
  await visit(
    inputsOf(rows, evaluation, arg),
    { evaluation, grid, arg },
    {
      native(labels, histogram, step) {
        const report = { annotate: annotations, metric: metricName(labels), span: arg.span };
        const bounds = [lower[step] as number, upper[step] as number] as const;
        out.put(labels, { step, dropName: true }, histogramFraction(...bounds, histogram, report));
      },
      classic(labels, buckets, step) {
        const value = bucketFraction(lower[step] as number, upper[step] as number, buckets);
        out.put(labels, { step, dropName: true }, value);
      },
    },
  );
  return out.rows;
};

/** The mean squared distance from the mean, each bucket standing at its middle. */
function variance(h: Histogram): number {
  const mean = h.sum / h.count;
  const custom = isCustom(h);
  const total: KahanSum = { sum: 0, compensation: 0 };
  for (const { lower, upper, count } of allBuckets(h)) {
    if (count === 0) continue;
    let middle = 0;
    if (custom) {
      middle = (upper + lower) / 2;
    } else if (!(lower <= 0 && upper >= 0)) {
      middle = Math.sqrt(upper * lower);
      if (upper < 0) middle = -middle;
    }
    const delta = middle - mean;
    kahanAdd(total, count * delta * delta);
  }
  return (total.sum + total.compensation) / h.count;
}

const of = (name: string, doc: string, run: (h: Histogram) => number): FunctionSpec =>
  define({
    name,
    args: ["vector"],
    doc,
    example: `${name}(rate(request_seconds[5m]))`,
    kernel: { kind: "histogram", run },
  });

export const histogramFunctions: readonly FunctionSpec[] = [
  of("histogram_count", "How many observations native histograms have.", (h) => h.count),
  of("histogram_sum", "The sum of the observations of native histograms.", (h) => h.sum),
  of("histogram_avg", "The mean of the observations of native histograms.", (h) => h.sum / h.count),
  of("histogram_stdvar", "The estimated variance of native histograms.", variance),
  of("histogram_stddev", "The estimated standard deviation of native histograms.", (h) =>
    Math.sqrt(variance(h)),
  ),
  define({
    name: "histogram_quantile",
    args: ["scalar", "vector"],
    doc: "The estimated quantile of histograms: native ones, or classic buckets with `le`.",
    example: "histogram_quantile(0.9, sum by (le) (rate(request_seconds_bucket[5m])))",
    kernel: { kind: "special", run: quantileOf },
  }),
  define({
    name: "histogram_quantiles",
    args: ["vector", "string", "scalar", "scalar"],
    variadic: 9,
    experimental: true,
    doc: "Several estimated quantiles of histograms; the label tells which.",
    example: 'histogram_quantiles(rate(request_seconds[5m]), "quantile", 0.5, 0.9)',
    kernel: { kind: "special", run: quantilesOf },
  }),
  define({
    name: "histogram_fraction",
    args: ["scalar", "scalar", "vector"],
    doc: "The estimated part of the observations between two values.",
    example: "histogram_fraction(0, 0.2, rate(request_seconds[5m]))",
    kernel: { kind: "special", run: fractionOf },
  }),
];
