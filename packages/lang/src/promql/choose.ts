/** Aggregations that choose series: `topk`, `bottomk`, `limitk`, `limit_ratio`. */
import { messages } from "./annotations.ts";
import type { Aggregate, PromqlExpr } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Grid } from "./series.ts";
import { queryFailed } from "./failure.ts";
import { formatG } from "./go-format.ts";
import { labelsHash } from "./labels-hash.ts";
import type { Labels } from "./labels.ts";
import {
  FLOAT,
  HISTOGRAM,
  newRow,
  NONE,
  putValue,
  type Row,
  type RowBuilder,
  valueAt,
} from "./rows.ts";

/** The largest and smallest numbers that fit 64 bits. */
const INT64_MAX = 2 ** 63 - 1024;
const INT64_MIN = -(2 ** 63);

interface Input {
  readonly rows: readonly Row[];
  readonly groups: readonly { readonly rows: readonly Row[] }[];
  readonly param: Float64Array;
  readonly grid: Grid;
}

export async function chooseRows(
  evaluation: Evaluation,
  node: Aggregate,
  input: Input,
): Promise<Row[]> {
  const { param, grid } = input;
  if (!checkParam(evaluation, node, param)) return [];
  const out = new Map<Row, RowBuilder>();
  const offsets = new Map<Labels, number>();
  for (let step = 0; step < grid.count; step++) {
    for (const group of input.groups) {
      for (const row of chosen(evaluation, node, { ...input, group, step, offsets })) {
        const built = out.get(row) ?? newRow(row.labels, row.dropName, grid.count);
        out.set(row, built);
        putValue(built, step, valueAt(row, step) as number);
      }
    }
    await evaluation.pause();
  }
  return [...out.values()];
}

/** False when nothing is to be chosen at any step. */
function checkParam(evaluation: Evaluation, node: Aggregate, param: Float64Array): boolean {
  const numbers = param.filter((value) => !Number.isNaN(value));
  const max = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const min = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const { span } = node.param as PromqlExpr;
  const hasNaN = numbers.length < param.length;
  if (node.op === "limit_ratio") {
    if (!hasNaN && max === 0 && min === 0) return false;
    if (hasNaN) throw queryFailed("Ratio value is NaN");
    if (max > 1) evaluation.annotations.warning(messages.ratio(max, 1), span);
    if (min < -1) evaluation.annotations.warning(messages.ratio(min, -1), span);
    return true;
  }
  if (hasNaN) throw queryFailed("Parameter value is NaN");
  if (max < 1) return false;
  if (min <= INT64_MIN) throw queryFailed(`Scalar value ${formatG(min)} underflows int64`);
  if (max >= INT64_MAX) throw queryFailed(`Scalar value ${formatG(max)} overflows int64`);
  return true;
}

interface StepInput extends Input {
  readonly group: { readonly rows: readonly Row[] };
  readonly step: number;
  readonly offsets: Map<Labels, number>;
}

function chosen(evaluation: Evaluation, node: Aggregate, input: StepInput): Row[] {
  const { group, step, param } = input;
  const present = group.rows.filter((row) => row.kind[step] !== NONE);
  const given = param[step] as number;
  if (node.op === "limit_ratio") return byRatio(present, given, input.offsets);
  const k = Math.trunc(Math.min(given, input.rows.length));
  if (k < 1) return [];
  if (node.op === "limitk") return present.slice(0, k);
  const floats = present.filter((row) => row.kind[step] === FLOAT);
  if (present.some((row) => row.kind[step] === HISTOGRAM))
    evaluation.annotations.info(messages.histogramIgnoredInAggregation(node.op), node.span);
  const sign = node.op === "topk" ? 1 : -1;
  const at = (row: Row): number => row.value[step] as number;
  return floats
    .map((row, order) => ({ row, order }))
    .sort((a, b) => {
      const left = at(a.row);
      const right = at(b.row);
      if (Number.isNaN(left) || Number.isNaN(right))
        return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a.order - b.order;
      return left === right ? a.order - b.order : sign * (left > right ? -1 : 1);
    })
    .slice(0, k)
    .map(({ row }) => row);
}

/** Series are taken by a hash of their labels: the same ones at each step, and in Prometheus. */
function byRatio(rows: readonly Row[], ratio: number, offsets: Map<Labels, number>): Row[] {
  if (ratio === 0) return [];
  const limit = Math.max(-1, Math.min(1, ratio));
  return rows.filter(({ labels }) => {
    let offset = offsets.get(labels);
    if (offset === undefined) {
      offset = Number(labelsHash(labels)) / 2 ** 64;
      offsets.set(labels, offset);
    }
    return limit >= 0 ? offset < limit : offset >= 1 + limit;
  });
}
