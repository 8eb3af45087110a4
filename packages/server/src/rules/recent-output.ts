/**
 * What a group wrote in its last two evaluations, put over what a source gives: a rule sees what the rule before it
 * wrote, though the store shows it some moments later.
 */
import {
  type Labels,
  labelValue,
  type Matcher,
  type PromqlExpr,
  promqlChildren,
  type PromqlSource,
  seriesInMemory,
  selectorMatchers,
  type SourceSeries,
} from "@triptych/lang";
import { testOf } from "../query/metrics/matchers.ts";
import type { RuleSample } from "./sample.ts";

const EVALUATIONS_KEPT = 2;

export interface RecentOutput {
  /** A new evaluation begins. */
  begin(): void;
  add(samples: readonly RuleSample[]): void;
  /** Whether a selector of the expression can match something that is kept. */
  concerns(expr: PromqlExpr): boolean;
  over(source: PromqlSource): PromqlSource;
}

const STALE = (() => {
  const value = new Float64Array(1);
  new Uint32Array(value.buffer).set([2, 0x7ff00000]);
  return value;
})();

export function createRecentOutput(): RecentOutput {
  let kept: RuleSample[][] = [[]];
  const names = (): Set<string> =>
    new Set(kept.flat().map(({ labels }) => labelValue(labels, "__name__")));
  return {
    begin() {
      kept = [...kept.slice(1 - EVALUATIONS_KEPT), []];
    },
    add: (samples) => void kept.at(-1)?.push(...samples),
    concerns(expr) {
      const written = names();
      return written.size > 0 && selectorsOf(expr).some((matchers) => canMatch(matchers, written));
    },
    over: (source) => ({
      async select(matchers, range) {
        const found = await source.select(matchers, range);
        const own = samplesFor(kept.flat(), matchers, range);
        return own.size === 0 ? found : merged(found, own);
      },
    }),
  };
}

function selectorsOf(expr: PromqlExpr): (readonly Matcher[])[] {
  const own = expr.kind === "vector_selector" ? [selectorMatchers(expr)] : [];
  return [...own, ...promqlChildren(expr).flatMap(selectorsOf)];
}

function canMatch(matchers: readonly Matcher[], names: ReadonlySet<string>): boolean {
  const tests = matchers.filter(({ name }) => name === "__name__").map(testFor);
  return [...names].some((name) => tests.every((test) => test(name)));
}

const testFor = (matcher: Matcher): ((value: string) => boolean) => testOf(matcher);

interface Own {
  readonly labels: Labels;
  readonly points: Map<number, RuleSample>;
}

function samplesFor(
  samples: readonly RuleSample[],
  matchers: readonly Matcher[],
  range: { readonly afterMs: number; readonly toMs: number },
): Map<string, Own> {
  const tests = matchers.map((matcher) => ({ name: matcher.name, test: testFor(matcher) }));
  const out = new Map<string, Own>();
  for (const sample of samples) {
    const { labels, timeMs } = sample;
    if (timeMs <= range.afterMs || timeMs > range.toMs) continue;
    if (!tests.every(({ name, test }) => test(labelValue(labels, name)))) continue;
    const own = out.get(labels.key) ?? { labels, points: new Map() };
    out.set(labels.key, own);
    own.points.set(timeMs, sample);
  }
  return out;
}

function merged(found: readonly SourceSeries[], own: Map<string, Own>): SourceSeries[] {
  const out: SourceSeries[] = found.map((series) => {
    const more = own.get(series.labels.key);
    if (more === undefined) return series;
    own.delete(series.labels.key);
    return together(series, more);
  });
  const none = { timeMs: new Float64Array(0), value: new Float64Array(0) };
  for (const more of own.values())
    out.push(together(seriesInMemory({ labels: more.labels, floats: none, histograms: [] }), more));
  return out.sort((a, b) => (a.labels.key < b.labels.key ? -1 : 1));
}

/** The series with the points that it does not have yet; values keep their bits. */
function together(series: SourceSeries, { points }: Own): SourceSeries {
  const floats = series.floats();
  const known = new Set([...floats.timeMs, ...series.histograms.map(({ timeMs }) => timeMs)]);
  const added = [...points.values()].filter(({ timeMs }) => !known.has(timeMs));
  if (added.length === 0) return series;
  const rows: { timeMs: number; from: Float64Array; at: number }[] = [];
  for (const [at, timeMs] of floats.timeMs.entries()) rows.push({ timeMs, from: floats.value, at });
  const histograms = [...series.histograms];
  for (const { timeMs, value } of added) {
    if (typeof value === "number") rows.push({ timeMs, from: Float64Array.of(value), at: 0 });
    else if (value === "stale") rows.push({ timeMs, from: STALE, at: 0 });
    else histograms.push({ timeMs, startMs: 0, histogram: value });
  }
  rows.sort((a, b) => a.timeMs - b.timeMs);
  histograms.sort((a, b) => a.timeMs - b.timeMs);
  const value = new Float64Array(rows.length);
  for (const [i, { from, at }] of rows.entries()) value.set(from.subarray(at, at + 1), i);
  return seriesInMemory({
    labels: series.labels,
    floats: { timeMs: Float64Array.from(rows, ({ timeMs }) => timeMs), value },
    histograms,
  });
}
