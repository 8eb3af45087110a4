/**
 * What happens to a parsed scrape before it is handed on: relabelling of metrics, limits, samples that come twice or
 * late, exemplars already seen, and staleness markers for series that are gone. In comes a batch and what the target
 * showed before; the batch is changed in place.
 */
import type { Relabel } from "@triptych/lang";
import { type SampleBatch, type SeriesTable, Temporality } from "@triptych/model";
import {
  coarser,
  compactFloats,
  type HistogramRow,
  rewriteExemplars,
  rewriteHistograms,
} from "./compact-batch.ts";
import { toCustomBuckets } from "./custom-buckets.ts";
import { KNOWN, onlyKnown, withNew } from "./known-series.ts";
import { labelProblem, type LabelRules } from "./label-problem.ts";
import { SeriesIndex } from "./series-index.ts";

export interface ShapeRules extends LabelRules {
  /** Undefined when there are no rules. */
  readonly relabel: Relabel | undefined;
  /** 0 sets no bound. */
  readonly sampleLimit: number;
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
  /** Series of the last scrape, for staleness markers. */
  previous: Seen | undefined;
  /** What a scrape that failed showed until then: Prometheus does not mark these stale with the others. */
  partial: Seen | undefined;
  /** Series that are not new, with their last samples. A scrape that fails takes none away. */
  known: SeriesIndex;
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
  return {
    previous: undefined,
    partial: undefined,
    known: new SeriesIndex(),
    relabelled: emptyMemo(),
    exemplars: new Set(),
  };
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
/** A sample is the next of its series, the last one again, or out of order. */
const NEXT = 0;
const SAME = 1;
const REFUSED = 2;
/** The flag of a series whose last sample was a native histogram: so is its staleness marker. */
const HISTOGRAM = 2;
const SAMPLE_LIMIT = "sample limit exceeded";
const BUCKET_LIMIT = "histogram bucket limit exceeded";

export interface ShapedScrape {
  readonly rules: ShapeRules;
  readonly memory: TargetMemory;
  readonly nowMs: number;
  /** Why the answer could not be read to its end, "" when it was. */
  readonly failure?: string;
  /** Nothing at all was answered; that takes no series from those known. */
  readonly isEmpty?: boolean;
  /** The format is protobuf, where a gauge histogram has the series of a histogram. */
  readonly isProtobuf?: boolean;
  readonly isOpenMetrics?: boolean;
}

/**
 * Shapes the batch of a scrape at `nowMs`. When there is a problem the batch is not to be used, and `markAllStale` is
 * what follows.
 */
export function* shapeSamples(batch: SampleBatch, scrape: ShapedScrape): Generator<void, Shaped> {
  const { rules, memory, failure = "" } = scrape;
  if (rules.toCustomBuckets)
    yield* toCustomBuckets(batch, {
      keepsClassic: rules.keepsClassic,
      isProtobuf: scrape.isProtobuf === true,
      isOpenMetrics: scrape.isOpenMetrics === true,
    });
  const shaped = nothingShaped();
  const pass = new Pass(batch, scrape, shaped);
  yield* pass.floats();
  yield* pass.histograms();
  if (shaped.problem === "" || shaped.problem === SAMPLE_LIMIT || shaped.problem === BUCKET_LIMIT)
    shaped.problem = failure || shaped.problem;
  const seen = { index: pass.current, table: batch.series };
  if (shaped.problem !== "") {
    memory.partial = seen;
    memory.known = withNew(memory.known, pass.shown);
    return shaped;
  }
  pass.exemplars();
  if (scrape.isEmpty !== true) memory.known = onlyKnown(pass.shown);
  const before = memory.previous;
  memory.previous = seen;
  if (before !== undefined)
    yield* markGone(batch, before, { now: pass.current, atMs: scrape.nowMs, known: memory.known });
  return shaped;
}

/** Staleness markers for what the target showed and shows no more: the scrape failed, or the target is gone. */
export function* markAllStale(
  batch: SampleBatch,
  memory: TargetMemory,
  atMs: number,
): Generator<void> {
  const { previous: before, partial } = memory;
  memory.previous = partial;
  memory.partial = undefined;
  if (before !== undefined)
    yield* markGone(batch, before, { now: partial?.index, atMs, known: memory.known });
}

function* markGone(
  batch: SampleBatch,
  { index, table }: Seen,
  marks: {
    readonly now: SeriesIndex | undefined;
    readonly atMs: number;
    readonly known: SeriesIndex;
  },
): Generator<void> {
  const { now, atMs, known } = marks;
  for (let entry = 0; entry < index.size; entry++) {
    if (entry % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
    const row = index.row[entry] as number;
    if (row === UNTRACKED) continue;
    const still = now?.twin(index, entry) ?? -1;
    if (still >= 0 && now?.row[still] !== UNTRACKED) continue;
    // A sample with a time of its own may be ahead; a marker behind it would only be out of order.
    if ((index.timeMs[entry] as number) >= atMs) continue;
    // What comes later with an older time of its own is out of order.
    const last = known.twin(index, entry);
    if (last >= 0) known.timeMs[last] = atMs;
    const series = copySeries(batch, table.labels(row), table.temporality[row] as number);
    const isHistogram = ((index.flag[entry] as number) & HISTOGRAM) !== 0;
    if (isHistogram) batch.histograms.addStale(series, atMs);
    else batch.samples.addStale(series, atMs, 0);
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
  /** Series as they are stored. */
  readonly current: SeriesIndex;
  /** Series as the target showed them, which are the same ones without relabelling. */
  readonly shown: SeriesIndex;
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
  private appended = 0;

  constructor(batch: SampleBatch, scrape: ShapedScrape, shaped: Shaped) {
    const { rules, memory, nowMs } = scrape;
    this.batch = batch;
    this.rules = rules;
    this.memory = memory;
    this.nowMs = nowMs;
    this.shaped = shaped;
    this.current = new SeriesIndex(memory.known.size);
    this.shown = rules.relabel === undefined ? this.current : new SeriesIndex(memory.known.size);
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
      this.shaped.scraped++;
      const bare = samples.series[row] as number;
      const series = this.series(bare);
      if (this.isOver) return;
      if (series < 0) continue;
      samples.series[row] = series;
      this.shaped.kept++;
      const timeMs = samples.timeMs[row] as number;
      if (!this.takes(series, bare, timeMs, samples.value[row] as number)) continue;
      keeps[row] = 1;
      kept++;
    }
    if (kept < samples.rows) compactFloats(samples, (row) => keeps[row] === 1);
  }

  *histograms(): Generator<void> {
    const { histograms } = this.batch;
    if (histograms.rows === 0 || this.isOver) return;
    const keeps = new Uint8Array(histograms.rows);
    for (let row = 0; row < histograms.rows; row++) {
      if (row % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
      this.shaped.scraped++;
      const bare = histograms.series[row] as number;
      const series = this.series(bare);
      if (this.isOver) return;
      if (series < 0) continue;
      histograms.series[row] = series;
      this.shaped.kept++;
      const sum = histograms.sum[row] as number;
      if (this.takes(series, bare, histograms.timeMs[row] as number, sum)) keeps[row] = 1;
      const entry = this.entryOf(series);
      if (entry >= 0) this.current.flag[entry] = (this.current.flag[entry] as number) | HISTOGRAM;
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
    if (tooMany()) this.fail(BUCKET_LIMIT);
    return fitted;
  }

  /**
   * Whether a sample is to be stored; notes that its series is there. `bare` is the row of the series as the target
   * showed it: series that relabelling makes equal count one by one, and the first of them is stored.
   */
  private takes(series: number, bare: number, timeMs: number, value: number): boolean {
    const { shown, rules, shaped } = this;
    const { known } = this.memory;
    const low = this.batch.series.hashLow[bare] as number;
    const high = this.batch.series.hashHigh[bare] as number;
    const isTimed = timeMs !== this.nowMs;
    const twin = shown.find(low, high);
    if (twin >= 0 && ((shown.flag[twin] as number) & KNOWN) !== 0 && !isTimed) {
      shaped.duplicates++;
      return false;
    }
    if (rules.sampleLimit > 0 && ++this.appended > rules.sampleLimit) this.fail(SAMPLE_LIMIT);
    const isCounted = shaped.problem === "";
    if (twin >= 0) {
      const verdict = this.follows(shown, twin, timeMs, value);
      const isFirst = isCounted && verdict !== REFUSED && this.track(series, timeMs);
      return verdict === NEXT && isFirst;
    }
    const entry = shown.add(low, high, UNTRACKED);
    const before = known.is(entry, low, high) ? entry : known.find(low, high);
    shown.timeMs[entry] = timeMs;
    shown.value[entry] = value;
    let verdict = NEXT;
    if (before >= 0) {
      verdict = this.follows(known, before, timeMs, value);
      shown.flag[entry] = KNOWN;
      // The newest time stays the mark for what is late.
      shown.timeMs[entry] = Math.max(known.timeMs[before] as number, timeMs);
    }
    if (!isCounted || verdict === REFUSED) return false;
    if (before < 0) {
      shaped.added++;
      shown.flag[entry] = KNOWN;
    }
    return this.track(series, timeMs) && verdict === NEXT;
  }

  private entryOf(series: number): number {
    const { hashLow, hashHigh } = this.batch.series;
    return this.current.find(hashLow[series] as number, hashHigh[series] as number);
  }

  /** Notes a series for its staleness marker; false when another series became the same and is there at this time. */
  private track(series: number, timeMs: number): boolean {
    const { current, shown, rules } = this;
    let entry = this.entryOf(series);
    const isTwin = current !== shown && entry >= 0 && current.timeMs[entry] === timeMs;
    if (entry < 0) {
      const { hashLow, hashHigh } = this.batch.series;
      entry = current.add(hashLow[series] as number, hashHigh[series] as number, UNTRACKED);
      current.timeMs[entry] = timeMs;
    } else if (current !== shown)
      current.timeMs[entry] = Math.max(current.timeMs[entry] as number, timeMs);
    if (timeMs === this.nowMs || rules.tracksTimes) current.row[entry] = series;
    return !isTwin;
  }

  /** Whether a sample comes after another one of its series; counts it when not. */
  private follows(index: SeriesIndex, entry: number, timeMs: number, value: number): number {
    const lastMs = index.timeMs[entry] as number;
    if (timeMs === lastMs) {
      if (Object.is(index.value[entry], value)) return SAME;
      this.shaped.duplicates++;
      return REFUSED;
    }
    if (timeMs < lastMs) {
      if (lastMs - timeMs <= this.rules.outOfOrderMs) return NEXT;
      this.shaped.outOfOrder++;
      return REFUSED;
    }
    if (index === this.shown) {
      index.timeMs[entry] = timeMs;
      index.value[entry] = value;
    }
    return NEXT;
  }

  /** Whether nothing after this counts; a limit that is exceeded lets the rest be counted. */
  private get isOver(): boolean {
    const { problem } = this.shaped;
    return problem !== "" && problem !== SAMPLE_LIMIT && problem !== BUCKET_LIMIT;
  }

  private fail(problem: string): void {
    if (!this.isOver && (this.shaped.problem === "" || problem !== BUCKET_LIMIT))
      this.shaped.problem = problem;
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
