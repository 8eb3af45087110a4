/** What is done with series once they are counted: top and bottom, thresholds, arithmetic. */
import { unreachable } from "@triptych/model";
import { ofFloats } from "./arithmetic.ts";
import type { CompareOp, MetricsExpr, MetricsQuery, SecondStage } from "./ast.ts";
import type { Label, TraceSeries } from "./series.ts";
import { compareSeries } from "./series-order.ts";
import { keyOf, numberOf, type Static, showStatic, stringStatic } from "./static.ts";

/** The value of a metrics expression, given the series of each of its queries. */
export function combineMetrics(
  expr: MetricsExpr,
  seriesOf: (query: MetricsQuery) => TraceSeries[],
): TraceSeries[] {
  const own = ((): TraceSeries[] => {
    switch (expr.kind) {
      case "metrics_query":
        return seriesOf(expr);
      case "metrics_scalar": {
        const { op, value, numberFirst } = expr;
        return combineMetrics(expr.operand, seriesOf).map((series) => ({
          ...series,
          values: series.values.map((v) =>
            numberFirst ? ofSamples(op, value, v) : ofSamples(op, v, value),
          ),
        }));
      }
      case "metrics_math":
        return matched(
          expr.op,
          combineMetrics(expr.left, seriesOf),
          combineMetrics(expr.right, seriesOf),
        );
      default:
        return unreachable(expr);
    }
  })();
  return expr.stages.reduce(applyStage, own);
}

/** Series are the same when their labels are, apart from the name. */
export function seriesKey(labels: readonly Label[]): string {
  return labels
    .filter(({ name }) => name !== "__name__")
    .map(({ name, value }) => `${name}\u0000${keyOf(value)}`)
    .join("\u0001");
}

/** A quotient by zero is no value. */
function ofSamples(op: "+" | "-" | "*" | "/", a: number, b: number): number {
  return op === "/" && b === 0 ? Number.NaN : ofFloats(op, a, b);
}

/** A series without labels goes with every series of the other side. */
function matched(
  op: "+" | "-" | "*" | "/",
  left: readonly TraceSeries[],
  right: readonly TraceSeries[],
): TraceSeries[] {
  const lefts = new Map(left.map((series) => [seriesKey(series.labels), series]));
  const rights = new Map(right.map((series) => [seriesKey(series.labels), series]));
  const out: TraceSeries[] = [];
  for (const key of (rights.has("") ? lefts : rights).keys()) {
    const a = lefts.get(key) ?? lefts.get("");
    const b = rights.get(key) ?? rights.get("");
    if (a === undefined || b === undefined) continue;
    const exemplars =
      lefts.has(key) === rights.has(key)
        ? [...a.exemplars, ...b.exemplars]
        : lefts.has(key)
          ? a.exemplars
          : b.exemplars;
    out.push({
      labels: mergedLabels(op, a.labels, b.labels),
      values: a.values.map((value, i) => ofSamples(op, value, b.values[i] ?? Number.NaN)),
      exemplars: [...exemplars],
    });
  }
  return out;
}

const nameOf = (labels: readonly Label[]): Static | undefined =>
  labels.find(({ name }) => name === "__name__")?.value;

function mergedLabels(op: string, left: readonly Label[], right: readonly Label[]): Label[] {
  const a = nameOf(left);
  const b = nameOf(right);
  const own = left.filter(({ name }) => name !== "__name__");
  const added = right.filter(
    ({ name }) => name !== "__name__" && !own.some((label) => label.name === name),
  );
  const named =
    a !== undefined && b !== undefined
      ? [{ name: "__name__", value: stringStatic(`(${showStatic(a)} ${op} ${showStatic(b)})`) }]
      : [];
  return [...named, ...own, ...added];
}

function applyStage(series: TraceSeries[], stage: SecondStage): TraceSeries[] {
  return stage.kind === "top" ? topOf(series, stage) : aboveThreshold(series, stage);
}

/** At each step on its own; a series that is never among them goes. */
function topOf(
  series: readonly TraceSeries[],
  stage: SecondStage & { kind: "top" },
): TraceSeries[] {
  const steps = series[0]?.values.length ?? 0;
  const out = series.map((one) => ({ ...one, values: new Float64Array(steps).fill(Number.NaN) }));
  if (series.length <= stage.limit) return [...series];
  const sign = stage.op === "topk" ? -1 : 1;
  for (let step = 0; step < steps; step++) {
    const valueAt = (i: number): number => series[i]?.values[step] ?? Number.NaN;
    const order = [...series.keys()]
      .filter((i) => !Number.isNaN(valueAt(i)))
      .sort(
        (a, b) =>
          sign *
          (valueAt(a) - valueAt(b) ||
            compareSeries(series[a]?.labels ?? [], series[b]?.labels ?? [])),
      );
    for (const i of order.slice(0, stage.limit)) {
      const values = out[i]?.values;
      if (values !== undefined) values[step] = valueAt(i);
    }
  }
  return out.filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}

function aboveThreshold(
  series: readonly TraceSeries[],
  stage: SecondStage & { kind: "threshold" },
): TraceSeries[] {
  const bound =
    stage.value.type === "duration" ? numberOf(stage.value) / 1e9 : numberOf(stage.value);
  const out: TraceSeries[] = [];
  for (const one of series) {
    const values = one.values.map((value) => (holds(stage.op, value, bound) ? value : Number.NaN));
    if (values.every(Number.isNaN)) continue;
    out.push({
      ...one,
      values,
      exemplars: one.exemplars.filter(({ value }) => holds(stage.op, value, bound)),
    });
  }
  return out;
}

function holds(op: CompareOp, value: number, bound: number): boolean {
  if (Number.isNaN(value)) return false;
  switch (op) {
    case "=":
      return value === bound;
    case "!=":
      return value !== bound;
    case "<":
      return value < bound;
    case "<=":
      return value <= bound;
    case ">":
      return value > bound;
    case ">=":
      return value >= bound;
    default:
      return unreachable(op);
  }
}
