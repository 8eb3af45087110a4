/**
 * What happens to a parsed scrape before it is handed on: relabelling of metrics, limits, samples that come twice or
 * late, exemplars already seen, and staleness markers for series that are gone. In comes a batch and what the target
 * showed before; the batch is changed in place.
 */
import { isLabelName, type NameScheme, type Relabel } from "@triptych/lang";
import { type SampleBatch, type SeriesTable, Temporality } from "@triptych/model";
import {
  coarser,
  compactFloats,
  type HistogramRow,
  rewriteExemplars,
  rewriteHistograms,
} from "./compact-batch.ts";
import { toCustomBuckets } from "./custom-buckets.ts";
import { SeriesIndex } from "./series-index.ts";

export interface ShapeRules {
  /** Undefined when there are no rules. */
  readonly relabel: Relabel | undefined;
  readonly nameScheme: NameScheme;
  /** 0 sets no bound, for all of these. */
  readonly sampleLimit: number;
  readonly labelLimit: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
  readonly bucketLimit: number;
  /** The finest schema of native histograms that is kept. */
  readonly schemaMax: number;
  readonly withNative: boolean;
  readonly toCustomBuckets: boolean;
  readonly keepsClassic: boolean;
  /** Series with times of their own get staleness markers too. */
  readonly tracksTimes: boolean;
  /** Samples with times of their own may be this much older than the last of their series. */
  readonly outOfOrderMs: number;
}

/** What a target showed, kept from scrape to scrape. */
export interface TargetMemory {
  previous: Seen | undefined;
  /** What relabelling made of series, by the hash of their labels. */
  relabelled: RelabelMemo;
  exemplars: ReadonlySet<string>;
}

interface Seen {
  readonly index: SeriesIndex;
  readonly table: SeriesTable;
}

interface RelabelMemo {
  readonly index: SeriesIndex;
  readonly changed: LabelChange[];
}

/** What relabelling did to the labels of a series. */
interface LabelChange {
  /** Names that are gone or have another value. */
  readonly gone: readonly string[];
  readonly added: readonly (readonly [name: string, value: string])[];
}

export function emptyMemory(): TargetMemory {
  return { previous: undefined, relabelled: emptyMemo(), exemplars: new Set() };
}

function emptyMemo(): RelabelMemo {
  return { index: new SeriesIndex(), changed: [] };
}

/** The counts Prometheus reports of each scrape. `problem`: the scrape failed, in its words. */
export interface Shaped {
  scraped: number;
  kept: number;
  added: number;
  outOfOrder: number;
  duplicates: number;
  problem: string;
}

export const nothingShaped = (): Shaped => ({
  scraped: 0,
  kept: 0,
  added: 0,
  outOfOrder: 0,
  duplicates: 0,
  problem: "",
});

/** Rows between two chances for others to run. */
const ROWS_PER_STEP = 512;
const DROPPED = 0;
const UNCHANGED = 1;
const CHANGED = 2;
/** The row of a series that gets no staleness marker. */
const UNTRACKED = 0xffff_ffff;

/** Shapes the batch of a scrape at `nowMs`. When there is a problem the batch is not to be used. */
export function* shapeSamples(
  batch: SampleBatch,
  scrape: { readonly rules: ShapeRules; readonly memory: TargetMemory; readonly nowMs: number },
): Generator<void, Shaped> {
  const { rules, memory } = scrape;
  if (rules.toCustomBuckets) yield* toCustomBuckets(batch, rules.keepsClassic);
  if (!rules.withNative && batch.histograms.rows > 0)
    rewriteHistograms(batch, (_, row) => (row.schema < -4 ? row : undefined));
  const shaped = nothingShaped();
  shaped.scraped = batch.samples.rows + batch.histograms.rows;
  const pass = new Pass(batch, scrape, shaped);
  yield* pass.floats();
  yield* pass.histograms();
  if (shaped.problem === "" && rules.sampleLimit > 0 && shaped.kept > rules.sampleLimit)
    shaped.problem = "sample limit exceeded";
  if (shaped.problem !== "") return shaped;
  pass.exemplars();
  const before = memory.previous;
  memory.previous = { index: pass.current, table: batch.series };
  if (before !== undefined)
    yield* markGone(batch, before, { now: pass.current, atMs: scrape.nowMs });
  return shaped;
}

/** Staleness markers for all that the target showed: the scrape failed, or the target is gone. */
export function* markAllStale(
  batch: SampleBatch,
  memory: TargetMemory,
  atMs: number,
): Generator<void> {
  const before = memory.previous;
  memory.previous = undefined;
  memory.exemplars = new Set();
  if (before !== undefined) yield* markGone(batch, before, { now: undefined, atMs });
}

function* markGone(
  batch: SampleBatch,
  { index, table }: Seen,
  { now, atMs }: { readonly now: SeriesIndex | undefined; readonly atMs: number },
): Generator<void> {
  for (let entry = 0; entry < index.size; entry++) {
    if (entry % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
    const row = index.row[entry] as number;
    if (row === UNTRACKED || now?.has(index, entry) === true) continue;
    const series = copySeries(batch, table.labels(row), table.temporality[row] as number);
    batch.samples.addStale(series, atMs, 0);
  }
}

function copySeries(
  batch: SampleBatch,
  labels: readonly (readonly [name: string, value: string])[],
  temporality: number = Temporality.gauge,
): number {
  for (const [name, value] of labels) batch.series.addLabelText(name, value);
  return batch.series.end(temporality);
}

/** One pass over a batch. */
class Pass {
  readonly current: SeriesIndex;
  private readonly batch: SampleBatch;
  private readonly rules: ShapeRules;
  private readonly memory: TargetMemory;
  private readonly nowMs: number;
  private readonly shaped: Shaped;
  private readonly needsLabels: boolean;
  /** Per series row of the batch: the row to use instead, -1 when it is left out. */
  private readonly seriesOf: Int32Array;
  private readonly nameIds = new Map<string, number>();
  private readonly valueIds = new Map<string, number>();

  constructor(
    batch: SampleBatch,
    scrape: { readonly rules: ShapeRules; readonly memory: TargetMemory; readonly nowMs: number },
    shaped: Shaped,
  ) {
    const { rules, memory, nowMs } = scrape;
    this.batch = batch;
    this.rules = rules;
    this.memory = memory;
    this.nowMs = nowMs;
    this.shaped = shaped;
    this.current = new SeriesIndex(memory.previous?.index.size);
    this.seriesOf = new Int32Array(batch.series.rows).fill(-2);
    this.needsLabels =
      rules.relabel !== undefined ||
      rules.nameScheme === "legacy" ||
      rules.labelLimit + rules.labelNameBytesMax + rules.labelValueBytesMax > 0;
    // Series a target no longer shows are forgotten at the latest when they are as many as those it shows.
    if (memory.relabelled.index.size > batch.series.rows * 2 + ROWS_PER_STEP)
      memory.relabelled = emptyMemo();
  }

  *floats(): Generator<void> {
    const { samples } = this.batch;
    const keeps = new Uint8Array(samples.rows);
    let kept = 0;
    for (let row = 0; row < samples.rows; row++) {
      if (row % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
      const series = this.series(samples.series[row] as number);
      if (series < 0) continue;
      samples.series[row] = series;
      this.shaped.kept++;
      if (!this.takes(series, samples.timeMs[row] as number, samples.value[row] as number))
        continue;
      keeps[row] = 1;
      kept++;
    }
    if (kept < samples.rows) compactFloats(samples, (row) => keeps[row] === 1);
  }

  *histograms(): Generator<void> {
    const { histograms } = this.batch;
    if (histograms.rows === 0) return;
    const keeps = new Uint8Array(histograms.rows);
    for (let row = 0; row < histograms.rows; row++) {
      if (row % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
      const series = this.series(histograms.series[row] as number);
      if (series < 0) continue;
      histograms.series[row] = series;
      this.shaped.kept++;
      const sum = histograms.sum[row] as number;
      if (this.takes(series, histograms.timeMs[row] as number, sum)) keeps[row] = 1;
    }
    const { bucketLimit, schemaMax } = this.rules;
    const isFine = keeps.every((keep) => keep === 1) && bucketLimit === 0 && schemaMax >= 8;
    if (isFine) return;
    rewriteHistograms(this.batch, (row, histogram) =>
      keeps[row] === 1 ? this.withinBuckets(histogram) : undefined,
    );
  }

  /** Leaves out exemplars that were there at the last scrape: targets show them again and again. */
  exemplars(): void {
    const { batch, memory, nowMs } = this;
    if (batch.exemplars.rows === 0 && memory.exemplars.size === 0) return;
    const now = new Set<string>();
    const { timeMs, value, traceId } = batch.exemplars;
    const { hashLow, hashHigh } = batch.series;
    rewriteExemplars(batch, (row, from) => {
      const series = this.seriesOf[from] ?? -1;
      if (series < 0) return -1;
      const time = timeMs[row] === nowMs ? "" : String(timeMs[row]);
      const trace = Buffer.from(traceId.subarray(row * 16, row * 16 + 16)).toString("hex");
      const key = `${hashHigh[series]}/${hashLow[series]}/${value[row]}/${time}/${trace}`;
      const isKnown = memory.exemplars.has(key) || now.has(key);
      now.add(key);
      return isKnown ? -1 : series;
    });
    memory.exemplars = now;
  }

  private withinBuckets(histogram: HistogramRow): HistogramRow {
    const { bucketLimit, schemaMax } = this.rules;
    const isExponential = histogram.schema >= -4;
    let fitted = histogram;
    while (isExponential && fitted.schema > schemaMax && fitted.schema > -4)
      fitted = coarser(fitted);
    const tooMany = (): boolean =>
      bucketLimit > 0 && fitted.positive.length + fitted.negative.length > bucketLimit;
    while (isExponential && tooMany() && fitted.schema > -4) fitted = coarser(fitted);
    if (tooMany()) this.fail("histogram bucket limit exceeded");
    return fitted;
  }

  /** Whether a sample is to be stored; notes that its series is there. */
  private takes(series: number, timeMs: number, value: number): boolean {
    const { current, memory, rules, shaped, nowMs } = this;
    const { hashLow, hashHigh } = this.batch.series;
    const low = hashLow[series] as number;
    const high = hashHigh[series] as number;
    const twin = current.find(low, high);
    if (twin >= 0) return this.follows(current, twin, timeMs, value);
    const isTimed = timeMs !== nowMs;
    const isTracked = !isTimed || rules.tracksTimes;
    const entry = current.add(low, high, isTracked ? series : UNTRACKED);
    current.timeMs[entry] = timeMs;
    current.value[entry] = value;
    const before = memory.previous?.index;
    if (before === undefined) {
      shaped.added++;
      return true;
    }
    const known = before.is(entry, low, high) ? entry : before.find(low, high);
    if (known < 0) shaped.added++;
    if (known < 0 || !isTimed) return true;
    const lastMs = before.timeMs[known] as number;
    const isNew = this.follows(before, known, timeMs, value);
    // The newest time stays the mark for what is late.
    current.timeMs[entry] = Math.max(lastMs, timeMs);
    return isNew;
  }

  /** Whether a sample comes after another one of its series; counts it when not. */
  private follows(index: SeriesIndex, entry: number, timeMs: number, value: number): boolean {
    const lastMs = index.timeMs[entry] as number;
    if (timeMs === lastMs) {
      if (!Object.is(index.value[entry], value)) this.shaped.duplicates++;
      return false;
    }
    if (timeMs < lastMs) {
      if (lastMs - timeMs <= this.rules.outOfOrderMs) return true;
      this.shaped.outOfOrder++;
      return false;
    }
    if (index === this.current) {
      index.timeMs[entry] = timeMs;
      index.value[entry] = value;
    }
    return true;
  }

  private fail(problem: string): void {
    if (this.shaped.problem === "") this.shaped.problem = problem;
  }

  /** The row of a series after relabelling, -1 when it is left out. */
  private series(row: number): number {
    const known = this.seriesOf[row] as number;
    if (known !== -2) return known;
    const found = this.needsLabels ? this.relabelled(row) : row;
    this.seriesOf[row] = found;
    return found;
  }

  private relabelled(row: number): number {
    const { batch } = this;
    const { series } = batch;
    const { index, changed } = this.memory.relabelled;
    const low = series.hashLow[row] as number;
    const high = series.hashHigh[row] as number;
    let entry = index.find(low, high);
    if (entry < 0) {
      const outcome = this.outcome(row);
      if (outcome === undefined) return -1;
      entry = index.add(
        low,
        high,
        typeof outcome === "number" ? outcome : CHANGED + changed.length,
      );
      if (typeof outcome !== "number") changed.push(outcome);
    }
    const outcome = index.row[entry] as number;
    if (outcome === DROPPED) return -1;
    if (outcome === UNCHANGED) return row;
    return this.changed(row, changed[outcome - CHANGED] as LabelChange);
  }

  /** A row with the labels of another one, changed; the dictionaries are asked once for each text. */
  private changed(row: number, { gone, added }: LabelChange): number {
    const { series } = this.batch;
    const goneIds = gone.map((name) => this.nameId(name));
    const end = series.offsets[row + 1] as number;
    for (let i = series.offsets[row] as number; i < end; i++) {
      const name = series.nameId[i] as number;
      if (!goneIds.includes(name)) series.addLabel(name, series.valueId[i] as number);
    }
    for (const [name, value] of added) series.addLabel(this.nameId(name), this.valueId(value));
    return series.end(series.temporality[row] as number);
  }

  private nameId(name: string): number {
    const known = this.nameIds.get(name);
    if (known !== undefined) return known;
    const id = this.batch.series.names.internText(name);
    this.nameIds.set(name, id);
    return id;
  }

  private valueId(value: string): number {
    const known = this.valueIds.get(value);
    if (known !== undefined) return known;
    const id = this.batch.series.values.internText(value);
    this.valueIds.set(value, id);
    return id;
  }

  /** What relabelling makes of a series; undefined when that fails the scrape. */
  private outcome(row: number): number | LabelChange | undefined {
    const before = this.batch.series.labels(row);
    const labels = new Map(before);
    if (this.rules.relabel?.(labels) === false || labels.size === 0) return DROPPED;
    const problem = labelProblem(labels, this.rules);
    if (problem !== "") {
      this.fail(problem);
      return undefined;
    }
    const old = new Map(before);
    const gone = before.filter(([name, value]) => labels.get(name) !== value).map(([name]) => name);
    const added = [...labels].filter(([name, value]) => old.get(name) !== value);
    return gone.length + added.length === 0 ? UNCHANGED : { gone, added };
  }
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const QUOTE_CHARS_MAX = 50;

/** In Prometheus' words. */
function labelProblem(labels: ReadonlyMap<string, string>, rules: ShapeRules): string {
  const metric = labels.get("__name__");
  if (metric === undefined) return "missing metric name (__name__ label)";
  if (rules.nameScheme === "legacy")
    for (const name of labels.keys())
      if (!isLabelName(name, "legacy") || (name === "__name__" && !LEGACY_METRIC.test(metric)))
        return `invalid metric name or label names: ${JSON.stringify(Object.fromEntries(labels)).slice(0, 200)}`;
  const shown = metric.slice(0, QUOTE_CHARS_MAX);
  const { labelLimit, labelNameBytesMax, labelValueBytesMax } = rules;
  if (labelLimit > 0 && labels.size > labelLimit)
    return `label_limit exceeded (metric: ${shown}, number of labels: ${labels.size}, limit: ${labelLimit})`;
  if (labelNameBytesMax + labelValueBytesMax === 0) return "";
  for (const [name, value] of labels) {
    const nameBytes = Buffer.byteLength(name);
    const cut = name.slice(0, QUOTE_CHARS_MAX);
    if (labelNameBytesMax > 0 && nameBytes > labelNameBytesMax)
      return `label_name_length_limit exceeded (metric: ${shown}, label name: ${cut}, length: ${nameBytes}, limit: ${labelNameBytesMax})`;
    const valueBytes = Buffer.byteLength(value);
    if (labelValueBytesMax > 0 && valueBytes > labelValueBytesMax)
      return `label_value_length_limit exceeded (metric: ${shown}, label name: ${cut}, value: ${JSON.stringify(value.slice(0, QUOTE_CHARS_MAX))}, length: ${valueBytes}, limit: ${labelValueBytesMax})`;
  }
  return "";
}
