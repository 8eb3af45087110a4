/** A function of the lines in windows of time: one row of values for each set of labels. */
import { TriptychError } from "@triptych/model";
import { byteLength } from "../gotemplate/value.ts";
import {
  dropLabels,
  type LabelPair,
  type Labels,
  labelsFrom,
  labelsOf,
  noLabels,
} from "../promql/labels.ts";
import { queryFailed } from "../promql/failure.ts";
import { goQuote } from "../promql/go-format.ts";
import { FLOAT, isEmpty, newRow, type Row } from "../promql/rows.ts";
import type { Grid } from "../promql/series.ts";
import type { Grouping, LogqlQuery, RangeAggregation } from "./ast.ts";
import { compileLabelTest } from "./filter-stages.ts";
import { errors, type PipelineDeps, type Stage } from "./line.ts";
import { ERROR, ERROR_DETAILS, type LineLabels, type StreamLabels } from "./line-labels.ts";
import { compilePipeline, type Pipeline, requiredLabels } from "./pipeline.ts";
import { testedLabels } from "./filter-stages.ts";
import { CountWindows, SampleWindows, type Windows } from "./windows.ts";
import { parseBytes, parseGoDurationNs, parseGoFloat } from "./units.ts";

/** Lines as columns; what they give holds until the next batch is asked for. */
export interface LineColumns {
  readonly rows: number;
  readonly timeNs: (row: number) => bigint;
  readonly text: (row: number) => string;
  readonly stream: (row: number) => StreamLabels;
  readonly metadata: (row: number) => Iterable<LabelPair>;
}

/** Later than `afterNs`, up to `toNs`. */
export interface LogqlRange {
  readonly afterNs: bigint;
  readonly toNs: bigint;
}

export interface LineSource {
  /** In order of time, oldest first. `applied` stages, the first ones, need not be run again. */
  lines(
    query: LogqlQuery,
    range: LogqlRange,
  ): Promise<{ readonly applied: number; readonly batches: AsyncIterable<LineColumns> }>;
  /** For a source that counts by itself: what the lines would give, or nothing when it cannot. */
  counts?(question: CountQuestion): Promise<readonly CountRow[] | undefined>;
}

/** How many lines, or bytes of them, are in each window, for each group. */
export interface CountQuestion {
  readonly query: LogqlQuery;
  readonly grouping: Grouping | undefined;
  readonly bytes: boolean;
  /** The end of the first window. */
  readonly endNs: bigint;
  readonly stepNs: bigint;
  readonly rangeNs: bigint;
  readonly steps: number;
}

export interface CountRow {
  readonly labels: Labels;
  readonly has: Uint8Array;
  readonly value: Float64Array;
}

export interface LeafOptions {
  readonly source: LineSource;
  readonly deps: PipelineDeps;
  readonly levelFallback: boolean;
  readonly seriesMax: number;
  readonly samplesMax: number;
  readonly take?: ((bytes: number) => void) | undefined;
  readonly pause: () => Promise<void> | undefined;
}

/** Grouping of a `sum` around, where it may be done line by line; the node's own otherwise. */
export interface LeafNode {
  readonly node: RangeAggregation;
  readonly grouping: Grouping | undefined;
  /** Series that look the same in the answer are one; otherwise an aggregation of them sees each, as in Loki. */
  readonly joinsShown: boolean;
}

const COUNTED = new Set(["count_over_time", "rate", "bytes_over_time", "bytes_rate"]);
const LINES_PER_PAUSE = 64;
/** A series' labels and objects. */
const BYTES_PER_SERIES = 600;
/** Sums of the windows, then a float and its kind. */
const BYTES_PER_STEP = 25;

export async function evaluateLeaf(
  leaf: LeafNode,
  grid: Grid,
  options: LeafOptions,
): Promise<Row[]> {
  const { node } = leaf;
  const times = windowTimes(node, grid);
  const isCounted = COUNTED.has(node.op) && node.unwrap === undefined;
  if (isCounted) {
    const counted = await countedBySource(leaf, { ...times, steps: grid.count }, options);
    if (counted !== undefined) return counted;
  }
  const collector = new Collector(leaf, { ...times, steps: grid.count }, options);
  const { applied, batches } = await options.source.lines(node.query, times);
  const pipeline = pipelineOf(leaf, applied, options);
  for await (const batch of batches) {
    for (let row = 0; row < batch.rows; row++) {
      const timeNs = batch.timeNs(row);
      const text = batch.text(row);
      const stream = batch.stream(row);
      const metadata = batch.metadata(row);
      if (pipeline.run({ timeNs, text, stream, metadata })) collector.take(pipeline);
      if (row % LINES_PER_PAUSE === 0) {
        const pause = options.pause();
        if (pause !== undefined) await pause;
      }
    }
  }
  const rows = await collector.rows();
  return node.op === "absent_over_time" ? absentRows(node.query, rows, grid.count) : rows;
}

interface Times extends LogqlRange {
  readonly endNs: bigint;
  readonly stepNs: bigint;
  readonly rangeNs: bigint;
}

const nsOfMs = (ms: number): bigint => BigInt(Math.round(ms * 1e6));

function windowTimes({ rangeMs, offsetMs }: RangeAggregation, grid: Grid): Times {
  const endNs = nsOfMs(grid.startMs) - nsOfMs(offsetMs);
  const stepNs = nsOfMs(grid.stepMs);
  const rangeNs = nsOfMs(rangeMs);
  const toNs = endNs + stepNs * BigInt(grid.count - 1);
  return { endNs, stepNs, rangeNs, afterNs: endNs - rangeNs, toNs };
}

async function countedBySource(
  { node, grouping }: LeafNode,
  times: Times & { readonly steps: number },
  { source }: LeafOptions,
): Promise<Row[] | undefined> {
  const bytes = node.op === "bytes_over_time" || node.op === "bytes_rate";
  const counted = await source.counts?.({ ...times, query: node.query, grouping, bytes });
  if (counted === undefined) return undefined;
  const isRate = node.op === "rate" || node.op === "bytes_rate";
  const seconds = isRate ? node.rangeMs / 1000 : 1;
  return counted.map(({ labels, has, value }) => ({
    labels,
    dropName: false,
    kind: has.map((one) => (one === 1 ? FLOAT : 0)),
    value: value.map((one) => one / seconds),
    histograms: undefined,
  }));
}

/** Without a label to group by, and none that a stage looks at, nothing that a parser finds matters. */
function pipelineOf(leaf: LeafNode, applied: number, options: LeafOptions): Pipeline {
  const { node, grouping } = leaf;
  const isSingle =
    node.op === "absent_over_time" ||
    (grouping !== undefined && !grouping.without && grouping.labels.length === 0);
  const needed = requiredLabels(node.query.stages);
  const withoutParsers = isSingle && node.unwrap === undefined && needed.length === 0;
  const { levelFallback } = options;
  const wanted = wantedLabels(leaf, isSingle);
  const how = { from: applied, withoutParsers, wanted, levelFallback };
  return compilePipeline(node.query, options.deps, how);
}

/** Templates may look at any label; so does who groups by all but some. */
function wantedLabels(
  { node, grouping }: LeafNode,
  isSingle: boolean,
): ReadonlySet<string> | undefined {
  const { stages } = node.query;
  const formats = stages.some(({ kind }) => kind === "line_format" || kind === "label_format");
  if (formats || !(isSingle || (grouping !== undefined && !grouping.without))) return undefined;
  return new Set([
    ...requiredLabels(stages),
    ...(grouping?.labels ?? []),
    ...(node.unwrap === undefined ? [] : [node.unwrap.label]),
    ...(node.unwrap?.filters.flatMap(testedLabels) ?? []),
  ]);
}

interface Unwrapped {
  readonly label: string;
  readonly convert: (text: string) => number;
  readonly filters: readonly Stage[];
}

/** Puts lines into the windows of their series. */
class Collector {
  private readonly series = new Map<string, Windows>();
  private readonly byLabels = new Map<
    string,
    { readonly labels: Labels; readonly windows: Windows }
  >();
  private readonly leaf: LeafNode;
  private readonly times: Times & { readonly steps: number };
  private readonly options: LeafOptions;
  private readonly unwrapped: Unwrapped | undefined;
  private readonly groupKey: (labels: LineLabels) => string;
  private readonly toleratesErrors: boolean;
  private readonly first: { readonly rangeNs: number; readonly stepNs: number };
  private samples = 0;

  constructor(leaf: LeafNode, times: Times & { readonly steps: number }, options: LeafOptions) {
    this.leaf = leaf;
    this.times = times;
    this.options = options;
    this.unwrapped = unwrappedOf(leaf.node, options.deps);
    this.groupKey = groupKeyOf(leaf.node.op === "absent_over_time" ? single : leaf.grouping);
    this.toleratesErrors = toleratesErrors(leaf);
    this.first = { rangeNs: Number(times.rangeNs), stepNs: Number(times.stepNs) };
  }

  take({ line }: Pipeline): void {
    const { labels } = line;
    let value = 1;
    if (this.unwrapped !== undefined) {
      const text = labels.get(this.unwrapped.label) ?? "";
      if (text === "") return;
      try {
        value = this.unwrapped.convert(text);
      } catch (error) {
        value = 0;
        labels.error = errors.sample;
        labels.errorDetails = (error as Error).message;
      }
      for (const filter of this.unwrapped.filters) if (!filter(line)) return;
    } else if (this.leaf.node.op.startsWith("bytes")) {
      value = byteLength(line.text);
    }
    const atNs = Number(line.timeNs - this.times.afterNs);
    const { rangeNs, stepNs } = this.first;
    const from = Math.max(0, Math.ceil((atNs - rangeNs) / stepNs));
    const to = Math.min(this.times.steps - 1, Math.ceil(atNs / stepNs) - 1);
    if (from > to || atNs <= 0) return;
    if (labels.error !== "" && !this.isTolerated(labels)) throw pipelineError(labels);
    this.windowsOf(labels).add({ atNs, from, to }, value);
    if (!this.isCounted() && ++this.samples > this.options.samplesMax)
      throw tooMany("samples", this.options.samplesMax);
  }

  private isTolerated({ error }: LineLabels): boolean {
    return this.toleratesErrors && (error === errors.json || error === errors.logfmt);
  }

  private isCounted(): boolean {
    return this.unwrapped === undefined;
  }

  private windowsOf(labels: LineLabels): Windows {
    const key = this.groupKey(labels);
    const known = this.series.get(key);
    if (known !== undefined) return known;
    const own = this.resultLabels(labels);
    const result = this.leaf.joinsShown ? this.shownLabels(own) : own;
    const same = this.byLabels.get(result.key);
    const windows = same?.windows ?? this.newWindows();
    if (same === undefined) {
      if (this.byLabels.size >= this.options.seriesMax)
        throw tooMany("series", this.options.seriesMax);
      this.byLabels.set(result.key, { labels: result, windows });
    }
    // Orders of the same labels are many; beyond this they are sorted each time.
    if (this.series.size < this.options.seriesMax * 4) this.series.set(key, windows);
    return windows;
  }

  private newWindows(): Windows {
    const { steps } = this.times;
    this.options.take?.(BYTES_PER_SERIES + steps * BYTES_PER_STEP);
    if (this.isCounted()) return new CountWindows(steps);
    return new SampleWindows(steps, this.leaf.node, this.first);
  }

  private resultLabels(labels: LineLabels): Labels {
    const { node, grouping } = this.leaf;
    if (node.op === "absent_over_time") return noLabels;
    if (grouping !== undefined && !grouping.without) return groupedLabels(labels, grouping.labels);
    const all = labels.labels();
    const gone = new Set(grouping?.labels ?? []);
    if (node.unwrap !== undefined) gone.add(node.unwrap.label);
    return gone.size === 0 ? all : dropLabels(all, gone);
  }

  /**
   * Behind `drop` and `keep` a label without a value is not shown unless the function groups, nor the details of an error
   * that was dropped. Series that differ in nothing else stay apart, as in Loki.
   */
  private shownLabels(labels: Labels): Labels {
    const { node, grouping } = this.leaf;
    const isGrouped = grouping !== undefined && !grouping.without;
    if (isGrouped || !node.query.stages.some(({ kind }) => kind === "drop" || kind === "keep"))
      return labels;
    const hasError = labels.pairs.some(([name]) => name === ERROR);
    const shown = labels.pairs.filter(
      ([name, value]) =>
        (value !== "" || grouping !== undefined) && (hasError || name !== ERROR_DETAILS),
    );
    return shown.length === labels.pairs.length ? labels : labelsOf(shown);
  }

  async rows(): Promise<Row[]> {
    const out: Row[] = [];
    const { op, rangeMs } = this.leaf.node;
    const seconds = op === "rate" || op === "bytes_rate" ? rangeMs / 1000 : 1;
    for (const { labels, windows } of this.byLabels.values()) {
      const row = newRow(this.shownLabels(labels), false, this.times.steps);
      windows.finish(row.kind, row.value);
      if (seconds !== 1)
        for (let step = 0; step < row.value.length; step++)
          row.value[step] = (row.value[step] as number) / seconds;
      if (!isEmpty(row)) out.push(row);
      const pause = this.options.pause();
      if (pause !== undefined) await pause;
    }
    return out;
  }
}

const single: Grouping = { without: false, labels: [] };

/** By few labels: their values alone are the key. */
function groupKeyOf(grouping: Grouping | undefined): (labels: LineLabels) => string {
  if (grouping === undefined || grouping.without) return (labels) => labels.key();
  const names = grouping.labels;
  if (names.length === 0) return () => "";
  return (labels) => {
    let key = "";
    for (const name of names) key += `${labels.groupValue(name) ?? "\u{3}"}\u{2}`;
    return key;
  };
}

function groupedLabels(labels: LineLabels, names: readonly string[]): Labels {
  const pairs: LabelPair[] = [];
  for (const name of new Set(names)) {
    const value = labels.groupValue(name);
    if (value !== undefined) pairs.push([name, value]);
  }
  return labelsOf(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Who asks for the error in a condition, and groups by labels, wants to count lines with errors. */
function toleratesErrors({ node, grouping }: LeafNode): boolean {
  if (grouping === undefined || grouping.without) return false;
  const names = [
    ...requiredLabels(node.query.stages),
    ...(node.unwrap?.filters.flatMap(testedLabels) ?? []),
    ...grouping.labels,
  ];
  return names.includes(ERROR);
}

function unwrappedOf(
  { unwrap }: RangeAggregation,
  { regexes }: PipelineDeps,
): Unwrapped | undefined {
  if (unwrap === undefined) return undefined;
  const filters = unwrap.filters.map((test) => compileLabelTest(test, regexes));
  const { label, conversion } = unwrap;
  const convert =
    conversion === undefined
      ? parseGoFloat
      : conversion === "bytes"
        ? parseBytes
        : (text: string) => parseGoDurationNs(text) / 1e9;
  return { label, convert, filters };
}

function pipelineError(labels: LineLabels): TriptychError {
  const pairs = labels.labels().pairs.map(([name, value]) => `${name}=${goQuote(value)}`);
  return queryFailed(
    `pipeline error: '${labels.error}' for series: '{${pairs.join(", ")}}'.\n` +
      `Use a label filter to intentionally skip this error. (e.g | __error__!="${labels.error}").\n` +
      'To skip all potential errors you can match empty errors.(e.g __error__="")\n' +
      'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n',
  );
}

function tooMany(what: "series" | "samples", max: number): TriptychError {
  return new TriptychError("query_limit", `maximum of ${what} (${max}) reached for a single query`);
}

/** One where no window has a line; the labels are those that the selector asks to be equal. */
function absentRows({ matchers }: LogqlQuery, rows: readonly Row[], steps: number): Row[] {
  const equal = new Map<string, string>();
  const others = new Set<string>();
  for (const { name, op, value } of matchers) {
    if (op === "=" && !equal.has(name) && !others.has(name)) equal.set(name, value);
    else {
      equal.delete(name);
      others.add(name);
    }
  }
  const out = newRow(labelsFrom(equal), false, steps);
  for (let step = 0; step < steps; step++) {
    if (rows[0]?.kind[step] === FLOAT) continue;
    out.kind[step] = FLOAT;
    out.value[step] = 1;
  }
  return isEmpty(out) ? [] : [out];
}
