/** What a test script expects, compared with what a query gave. */
import type { MatrixSeries, PromqlValue } from "./evaluate.ts";
import { formatG } from "./go-format.ts";
import { compact, type Histogram, printHistogram, sameBounds } from "./histogram.ts";
import { almostEqual } from "./histogram-quantile.ts";
import { compareLabels, type Labels, printLabels } from "./labels.ts";
import type { SequenceValue, SeriesLine } from "./promqltest-series.ts";
import { type Row, valueAt } from "./rows.ts";

const EPSILON = 0.000001;

export interface Note {
  readonly by?: "msg" | "regex" | undefined;
  readonly text?: string | undefined;
}

export interface Expectation {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly isRange: boolean;
  /** An instant query whose result is a range. */
  readonly isMatrix: boolean;
  readonly ordered: boolean;
  readonly fail: boolean;
  readonly failNote?: Note | undefined;
  readonly notes: readonly (Note & { readonly kind: "warn" | "info" | "no_warn" | "no_info" })[];
  readonly series: readonly SeriesLine[];
  readonly scalar?: number | undefined;
  readonly string?: string | undefined;
}

interface Patterns {
  readonly matchesPart: (pattern: string, text: string) => boolean;
}

function noteMatches({ by, text = "" }: Note, message: string, patterns: Patterns): boolean {
  if (by === undefined) return true;
  if (by === "regex") return patterns.matchesPart(text, message);
  // Scripts may leave out where in the query it is.
  const plain = message.replace(/(?:, from buckets .*| \(\d+ occurrences\))? \(\d+:\d+\)$/, "");
  return message === text || plain === text;
}

/** `undefined` when the error is one that is expected. */
export function failureMatches(
  { fail, failNote }: Expectation,
  message: string,
  patterns: Patterns,
): string | undefined {
  if (!fail) return `error: ${message}`;
  if (failNote === undefined || noteMatches(failNote, message, patterns)) return undefined;
  return `expected the error ${JSON.stringify(failNote.text)}, but got: ${message}`;
}

export function notesMismatch(
  { notes }: Expectation,
  texts: { readonly warnings: readonly string[]; readonly infos: readonly string[] },
  patterns: Patterns,
): string | undefined {
  for (const [kind, found] of [
    ["warn", texts.warnings],
    ["info", texts.infos],
  ] as const) {
    if (notes.some((note) => note.kind === `no_${kind}`) && found.length > 0)
      return `unexpected ${kind}: ${found.join("; ")}`;
    const wanted = notes.filter((note) => note.kind === kind);
    if (wanted.length === 0) continue;
    if (found.length === 0) return `expected ${kind}, but there was none`;
    const missing = wanted.find((note) => !found.some((text) => noteMatches(note, text, patterns)));
    if (missing !== undefined)
      return `expected ${kind} ${JSON.stringify(missing.text)}, but got: ${found.join("; ")}`;
    const extra = found.find((text) => !wanted.some((note) => noteMatches(note, text, patterns)));
    if (extra !== undefined) return `unexpected ${kind}: ${extra}`;
  }
  return undefined;
}

/** `undefined` when the value is the expected one. */
export function mismatch(expected: Expectation, value: PromqlValue): string | undefined {
  switch (value.kind) {
    case "string":
      return value.value === expected.string
        ? undefined
        : `expected the string ${JSON.stringify(expected.string)}, got ${JSON.stringify(value.value)}`;
    case "scalar":
      if (expected.scalar === undefined) return `expected series, got the scalar ${value.value}`;
      return almostEqual(expected.scalar, value.value, EPSILON)
        ? undefined
        : `expected the scalar ${expected.scalar}, got ${value.value}`;
    case "vector":
      return vectorMismatch(expected, value.rows);
    case "matrix":
      return matrixMismatch(expected, value.series.map(pointsOfSeries));
    case "range":
      return matrixMismatch(
        expected,
        value.rows.map((row) => pointsOfRow(row, value.grid)),
      );
  }
}

function show(value: number | Histogram | undefined): string {
  if (value === undefined) return "nothing";
  return typeof value === "number"
    ? String(value)
    : `${printHistogram(value)} ${value.hint} schema:${value.schema} custom:[${value.customValues.map(formatG).join(" ")}] z:${value.zeroThreshold}`;
}

function isSame(expected: SequenceValue, actual: number | Histogram): boolean {
  const want = expected.value;
  if (typeof want === "number")
    return typeof actual === "number" && almostEqual(want, actual, EPSILON);
  return (
    typeof actual !== "number" && isSameHistogram(compact(want), compact(actual), expected.hintSet)
  );
}

function isSameHistogram(a: Histogram, b: Histogram, withHint: boolean): boolean {
  const near = (x: number, y: number): boolean => almostEqual(x, y, EPSILON);
  const sides = (["positive", "negative"] as const).every((side) => {
    const x = a[side];
    const y = b[side];
    return (
      x.index.length === y.index.length &&
      x.index.every((index, i) => index === y.index[i]) &&
      x.count.every((count, i) => near(count, y.count[i] as number))
    );
  });
  return (
    sides &&
    a.schema === b.schema &&
    near(a.count, b.count) &&
    near(a.sum, b.sum) &&
    sameBounds(a.customValues, b.customValues) &&
    a.zeroThreshold === b.zeroThreshold &&
    near(a.zeroCount, b.zeroCount) &&
    (!withHint || a.hint === b.hint)
  );
}

function vectorMismatch(expected: Expectation, rows: readonly Row[]): string | undefined {
  if (expected.scalar !== undefined) return "expected a scalar, got a vector";
  const wanted = new Map(expected.series.map((line, i) => [line.labels.key, { line, place: i }]));
  const seen = new Set<string>();
  for (const [i, row] of rows.entries()) {
    const actual = valueAt(row, 0);
    const name = printLabels(row.labels);
    const found = wanted.get(row.labels.key);
    if (found === undefined || actual === undefined)
      return `unexpected ${name} with ${show(actual)}`;
    if (expected.ordered && found.place !== i)
      return `expected ${name} at ${found.place}, it is at ${i}`;
    const value = found.line.values[0];
    if (value === undefined || !isSame(value, actual))
      return `expected ${show(value?.value)} for ${name}, got ${show(actual)}`;
    seen.add(row.labels.key);
  }
  const missing = expected.series.find((line) => !seen.has(line.labels.key));
  return missing && `expected ${printLabels(missing.labels)}, it is not there`;
}

interface Points {
  readonly labels: Labels;
  readonly points: readonly { readonly timeMs: number; readonly value: number | Histogram }[];
}

function pointsOfSeries({ labels, series }: MatrixSeries): Points {
  const points: { timeMs: number; value: number | Histogram }[] = [];
  for (let i = 0; i < series.timeMs.length; i++)
    points.push({ timeMs: series.timeMs[i] as number, value: series.value[i] as number });
  for (const [i, histogram] of series.histograms.entries())
    points.push({ timeMs: series.histogramTimeMs[i] as number, value: histogram });
  return { labels, points: points.sort((a, b) => a.timeMs - b.timeMs) };
}

function pointsOfRow(
  row: Row,
  grid: { readonly startMs: number; readonly stepMs: number },
): Points {
  const points = Array.from(row.kind, (_kind, step) => ({
    timeMs: grid.startMs + step * grid.stepMs,
    value: valueAt(row, step),
  })).flatMap(({ timeMs, value }) => (value === undefined ? [] : [{ timeMs, value }]));
  return { labels: row.labels, points };
}

function matrixMismatch(expected: Expectation, all: readonly Points[]): string | undefined {
  if (expected.scalar !== undefined) return "expected a scalar, got a matrix";
  const wanted = new Map(expected.series.map((line) => [line.labels.key, line]));
  for (const [i, { labels, points }] of all.entries()) {
    const name = printLabels(labels);
    const after = all[i + 1];
    if (after !== undefined && compareLabels(labels, after.labels) > 0)
      return `${name} is not in order`;
    const line = wanted.get(labels.key);
    wanted.delete(labels.key);
    const shown = points.map(({ timeMs, value }) => `${show(value)}@${timeMs}`).join(" ");
    if (line === undefined) return `unexpected ${name} with ${shown}`;
    const values = line.values.flatMap((value, step) =>
      value === undefined ? [] : [{ timeMs: expected.startMs + step * expected.stepMs, value }],
    );
    if (values.length !== points.length)
      return `expected ${values.length} points for ${name}, got ${points.length}: ${shown}`;
    for (const [j, { timeMs, value }] of values.entries()) {
      const point = points[j];
      if (point === undefined || point.timeMs !== timeMs || !isSame(value, point.value))
        return `expected ${show(value.value)}@${timeMs} for ${name}, got ${show(point?.value)}@${point?.timeMs}: ${shown}`;
    }
  }
  const [missing] = wanted.values();
  return missing && `expected ${printLabels(missing.labels)}, it is not there`;
}
