/** Results in the JSON of the Prometheus HTTP API, as small pieces of text. */
import {
  allBuckets,
  CUSTOM_SCHEMA,
  formatSample,
  type Grid,
  type Histogram,
  type LabelPair,
  type MatrixSeries,
  type Row,
  valueAt,
} from "@triptych/lang";
import type { Piece } from "../ours/json-stream.ts";
import { RangeValues } from "./range-values.ts";

export const TRUNCATED = "results truncated due to limit";

/** What is told beside the data. */
export interface Notes {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/** Of each kind at most this many are told, as in Prometheus. */
const NOTES_MAX = 10;

function notesJson(kind: keyof Notes, all: readonly string[]): string {
  if (all.length === 0) return "";
  const told = all.slice(0, NOTES_MAX);
  const left = all.length - told.length;
  const name = kind === "warnings" ? "warning" : "info";
  if (left > 0) told.push(`${left} more ${name} annotations omitted`);
  return `,"${kind}":${JSON.stringify(told)}`;
}

/** `{"status":"success","data":…}` around the pieces of `data`. */
export function* success(data: Iterable<Piece>, notes: () => Notes): Generator<Piece> {
  yield '{"status":"success","data":';
  yield* data;
  const { warnings, infos } = notes();
  yield `${notesJson("warnings", warnings)}${notesJson("infos", infos)}}`;
}

/** Seconds with milliseconds where there are some. */
export function timestamp(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const rest = ms - seconds * 1000;
  return rest === 0 ? String(seconds) : (ms / 1000).toFixed(3);
}

export function point(ms: number, value: number): string {
  return `[${timestamp(ms)},"${formatSample(value)}"]`;
}

export function labelsJson(series: { readonly labels: readonly LabelPair[] }): string {
  const pairs = series.labels.map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{${pairs.join(",")}}`;
}

/** Series beyond `limit` are left out; `cut` is told. */
export interface Limited {
  readonly limit: number;
  readonly cut: () => void;
}

const metricJson = (labels: { readonly pairs: readonly LabelPair[] }): string =>
  `"metric":${labelsJson({ labels: labels.pairs })}`;

/** The pieces for at most `limit` of the items. */
function* limitedList<T>(
  items: readonly T[],
  limited: Limited,
  json: (item: T) => string,
): Generator<string> {
  for (const [i, item] of items.entries()) {
    if (i === limited.limit) {
      limited.cut();
      return;
    }
    yield `${i === 0 ? "" : ","}${json(item)}`;
  }
}

export function* vectorJson(rows: readonly Row[], ms: number, limited: Limited): Generator<string> {
  yield '{"resultType":"vector","result":[';
  yield* limitedList(rows, limited, (row) => {
    const value = valueAt(row, 0) ?? 0;
    const sample =
      typeof value === "number"
        ? `"value":${point(ms, value)}`
        : `"histogram":[${timestamp(ms)},${histogramJson(value)}]`;
    return `{${metricJson(row.labels)},${sample}}`;
  });
  yield "]";
}

/** `"values":…` and `"histograms":…`, whichever there are. */
function pointsJson(values: readonly string[], histograms: readonly string[]): string {
  const parts: string[] = [];
  if (values.length > 0) parts.push(`"values":[${values.join(",")}]`);
  if (histograms.length > 0) parts.push(`"histograms":[${histograms.join(",")}]`);
  return parts.join(",");
}

export function* rangeJson(rows: readonly Row[], grid: Grid, limited: Limited): Generator<Piece> {
  yield '{"resultType":"matrix","result":[';
  const starts = Array.from(
    { length: grid.count },
    (_, i) => `[${timestamp(grid.startMs + i * grid.stepMs)},`,
  );
  const values = new RangeValues(starts, Math.min(rows.length, limited.limit));
  for (const [i, row] of rows.entries()) {
    if (i === limited.limit) {
      limited.cut();
      break;
    }
    yield `${i === 0 ? "" : ","}{${metricJson(row.labels)},`;
    let hasValues = false;
    for (const part of values.parts(row)) {
      yield part;
      hasValues = true;
    }
    const histograms = histogramsJson(row, starts);
    yield `${hasValues && histograms !== "" ? "," : ""}${histograms}}`;
  }
  yield "]";
}

function histogramsJson(row: Row, starts: readonly string[]): string {
  if (row.histograms === undefined) return "";
  const points: string[] = [];
  for (let step = 0; step < row.kind.length; step++) {
    const value = valueAt(row, step);
    if (value !== undefined && typeof value !== "number")
      points.push(`${starts[step]}${histogramJson(value)}]`);
  }
  return points.length === 0 ? "" : `"histograms":[${points.join(",")}]`;
}

export function* matrixJson(all: readonly MatrixSeries[], limited: Limited): Generator<string> {
  yield '{"resultType":"matrix","result":[';
  yield* limitedList(all, limited, ({ labels, series }) => {
    const values = Array.from(series.timeMs, (ms, i) => point(ms, series.value[i] as number));
    const histograms = series.histograms.map(
      (histogram, i) =>
        `[${timestamp(series.histogramTimeMs[i] as number)},${histogramJson(histogram)}]`,
    );
    return `{${metricJson(labels)},${pointsJson(values, histograms)}}`;
  });
  yield "]";
}

/** How a bucket's bounds count: open on both sides, closed on the left or on the right, closed on both. */
const OPEN = 2;
const CLOSED_LEFT = 1;
const CLOSED_RIGHT = 0;
const CLOSED = 3;

export function histogramJson(histogram: Histogram): string {
  const isCustom = histogram.schema === CUSTOM_SCHEMA;
  const buckets: string[] = [];
  for (const { lower, upper, count } of allBuckets(histogram)) {
    if (count === 0) continue;
    const isLeft = isCustom ? lower === Number.NEGATIVE_INFINITY : lower < 0;
    const isRight = isCustom || upper > 0;
    const rule = isLeft ? (isRight ? CLOSED : CLOSED_LEFT) : isRight ? CLOSED_RIGHT : OPEN;
    const texts = [lower, upper, count].map((value) => `"${formatSample(value)}"`);
    buckets.push(`[${rule},${texts.join(",")}]`);
  }
  const head = `"count":"${formatSample(histogram.count)}","sum":"${formatSample(histogram.sum)}"`;
  return buckets.length === 0 ? `{${head}}` : `{${head},"buckets":[${buckets.join(",")}]}`;
}
