/** `info`: labels of info metrics put on the series of the same target. */
import type { Matcher } from "../../matcher.ts";
import type { PromqlExpr, VectorSelector } from "../ast.ts";
import { childrenOf, selectorMatchers } from "../ast.ts";
import type { Evaluation, SelectorTime } from "../evaluation.ts";
import { type Grid, gridEnd } from "../series.ts";
import { queryFailed } from "../failure.ts";
import {
  type Labels,
  labelsFrom,
  labelValue,
  metricName,
  METRIC_NAME,
  printLabels,
} from "../labels.ts";
import { matcherTest } from "../match.ts";
import { seeRow } from "../query-samples.ts";
import { HISTOGRAM, NONE, type Row, RowSet, valueAt } from "../rows.ts";
import { instantRow } from "../selector-eval.ts";
import { define, type SpecialRun } from "./spec.ts";

const IDENTIFYING = ["instance", "job"] as const;
const NOWHERE = { start: 0, end: 0 };
const NOW: SelectorTime = { offsetMs: 0, atMs: undefined };

const matcher = (op: Matcher["op"], name: string, value: string): Matcher => ({
  name,
  op,
  value,
  span: NOWHERE,
  valueSpan: NOWHERE,
});

/** With only negative matchers the name must at least end in `_info`. */
function effectiveNames(names: readonly Matcher[]): readonly Matcher[] {
  if (names.some(({ op }) => op === "=" || op === "=~")) return names;
  if (names.length > 0) return [matcher("=~", METRIC_NAME, ".+_info"), ...names];
  return [matcher("=", METRIC_NAME, "target_info")];
}

/**
 * The samples of info series that are looked at: those about the times of the first selector in `expr`, though the steps
 * they are looked up at are those of `grid`.
 */
function samplesFor(evaluation: Evaluation, expr: PromqlExpr, grid: Grid): SeriesRange {
  const first = firstSelector(expr);
  const { offsetMs, atMs } =
    first === undefined ? { offsetMs: 0, atMs: undefined } : evaluation.timeOf(first);
  const startMs = (atMs ?? grid.startMs) - offsetMs;
  const endMs = (atMs ?? gridEnd(grid)) - offsetMs;
  return { afterMs: startMs - evaluation.lookbackMs, toMs: endMs };
}

function firstSelector(expr: PromqlExpr): VectorSelector | undefined {
  if (expr.kind === "vector_selector") return expr;
  for (const child of childrenOf(expr)) {
    const found = firstSelector(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface SeriesRange {
  readonly afterMs: number;
  readonly toMs: number;
}

const quoteMeta = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");

function identifyingMatchers(rows: readonly Row[]): Matcher[] {
  const out: Matcher[] = [];
  for (const name of IDENTIFYING) {
    const values = new Set(rows.map((row) => labelValue(row.labels, name)));
    values.delete("");
    if (values.size > 0) out.push(matcher("=~", name, [...values].map(quoteMeta).join("|")));
  }
  return out;
}

interface InfoRow {
  readonly labels: Labels;
  /** Times of the samples, in seconds. */
  readonly row: Row;
}

/** Identifying labels and the info metric's name. */
function signature(labels: Labels, info: string): string {
  return [info, ...IDENTIFYING.map((name) => labelValue(labels, name))].join("\u{1}");
}

async function fetchInfo(
  evaluation: Evaluation,
  grid: Grid,
  what: { readonly matchers: readonly Matcher[]; readonly range: SeriesRange },
): Promise<InfoRow[]> {
  const { lookbackMs } = evaluation;
  const series = await evaluation.load(what.matchers, what.range);
  return series.flatMap((one) => {
    const options = { time: NOW, lookbackMs };
    const values = instantRow(one, grid, { ...options, field: "value" });
    if (values?.kind.includes(HISTOGRAM))
      throw queryFailed(
        `this should be an info metric, with float samples: ${printLabels(one.labels)}`,
      );
    const row = instantRow(one, grid, { ...options, field: "time" });
    if (row !== undefined && evaluation.evaluated !== undefined) seeRow(evaluation.evaluated, row);
    return row === undefined ? [] : [{ labels: one.labels, row }];
  });
}

/** The newest info series of each signature at a step. */
function newest(infos: readonly InfoRow[], step: number): Map<string, InfoRow> {
  const found = new Map<string, InfoRow>();
  for (const info of infos) {
    if (info.row.kind[step] === NONE) continue;
    const key = signature(info.labels, metricName(info.labels));
    const known = found.get(key);
    const at = info.row.value[step] as number;
    const knownAt = known?.row.value[step] ?? Number.NEGATIVE_INFINITY;
    if (known !== undefined && knownAt === at)
      throw queryFailed(
        `found duplicate series for info metric: existing ${printLabels(known.labels)} @ ${knownAt * 1000}, new ${printLabels(info.labels)} @ ${at * 1000}`,
      );
    if (known === undefined || knownAt < at) found.set(key, info);
  }
  return found;
}

const run: SpecialRun = async (evaluation, call, grid) => {
  const [base, selector] = call.args as [PromqlExpr, PromqlExpr | undefined];
  const range = samplesFor(evaluation, base, grid);
  const rows = await evaluation.evaluate(base, grid);
  const all = selector?.kind === "vector_selector" ? selectorMatchers(selector) : [];
  const isName = ({ name }: Matcher): boolean => name === METRIC_NAME;
  const names = effectiveNames(all.filter(isName));
  const data = all.filter((one) => !isName(one));
  const test = (matchers: readonly Matcher[]) =>
    matchers.map((one) => matcherTest(one, (pattern) => evaluation.regex(pattern)));
  const nameTests = test(names);
  const isInfo = (row: Row): boolean => nameTests.every((one) => one(metricName(row.labels)));
  const plain = rows.filter((row) => !isInfo(row));
  const identifying = identifyingMatchers(plain);
  const infos =
    identifying.length === 0
      ? []
      : await fetchInfo(evaluation, grid, { matchers: [...identifying, ...data, ...names], range });
  const infoNames = [...new Set(infos.map((info) => metricName(info.labels)))];
  const wanted = new Set(data.map(({ name }) => name));
  const canBeMissing = test(data).every((one) => one(""));
  const out = new RowSet(grid.count);
  for (let step = 0; step < grid.count; step++) {
    const found = newest(infos, step);
    for (const row of rows) {
      const value = valueAt(row, step);
      if (value === undefined) continue;
      // Names that should have gone stay, as in Prometheus.
      const at = { step, dropName: false };
      if (isInfo(row)) {
        out.put(row.labels, at, value);
        continue;
      }
      const matched = infoNames.flatMap((info) => found.get(signature(row.labels, info)) ?? []);
      if (matched.length === 0 && !canBeMissing) continue;
      out.put(enriched(row.labels, matched, wanted), at, value);
    }
    await evaluation.pause();
  }
  return out.rows;
};

function enriched(base: Labels, infos: readonly InfoRow[], wanted: ReadonlySet<string>): Labels {
  if (infos.length === 0) return base;
  const added = new Map<string, string>();
  const own = new Set(base.pairs.map(([name]) => name));
  for (const { labels } of infos)
    for (const [name, value] of labels.pairs) {
      if (name === METRIC_NAME || (wanted.size > 0 && !wanted.has(name))) continue;
      const known = added.get(name);
      if (known !== undefined && known !== value) throw queryFailed(`conflicting label: ${name}`);
      if (!own.has(name)) added.set(name, value);
    }
  return added.size === 0 ? base : labelsFrom([...base.pairs, ...added]);
}

export const info = define({
  name: "info",
  args: ["vector", "vector"],
  params: ["v", "selector"],
  variadic: 1,
  experimental: true,
  doc: [
    "Adds the labels of info metrics that have the same `instance` and `job` to each series.",
    "A selector without a name chooses which labels to add and from which metrics; left out, those of `target_info`.",
    "Series without an info metric stay as they are, unless the selector asks for a label that they do not have. Info metrics themselves are passed on.",
  ],
  example: 'info(rate(http_requests_total[5m]), {k8s_cluster_name=~".+"})',
  kernel: { kind: "special", run },
});
