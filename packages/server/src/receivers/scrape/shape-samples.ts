/**
 * What happens to a parsed scrape before it is handed on: relabelling of metrics, limits, samples that come twice or
 * late, exemplars already seen, and staleness markers for series that are gone. In comes a batch and what the target
 * showed before; the batch is changed in place.
 */
import { type SampleBatch, Temporality } from "@triptych/model";
import {
  coarser,
  compactFloats,
  type HistogramRow,
  histogramRow,
  rewriteExemplars,
  rewriteHistograms,
} from "./compact-batch.ts";
import { toCustomBuckets } from "./custom-buckets.ts";
import { KNOWN, onlyKnown, withNew } from "./known-series.ts";
import { bounded, HISTOGRAM, NEVER, remember, verdictOf } from "./last-samples.ts";
import { SeriesIndex } from "./series-index.ts";
import { type RelabelRules, SeriesRelabelling } from "./series-relabelling.ts";
import type { Seen, TargetMemory } from "./target-memory.ts";

export interface ShapeRules extends RelabelRules {
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

/** The counts Prometheus reports of each scrape. `problem`: the scrape failed, in its words. */
export interface Shaped {
  scraped: number;
  kept: number;
  added: number;
  outOfOrder: number;
  duplicates: number;
  /** Refused for a time that is too far ahead, or before 1970. */
  outOfBounds: number;
  problem: string;
}

export const nothingShaped = (): Shaped => ({
  scraped: 0,
  kept: 0,
  added: 0,
  outOfOrder: 0,
  duplicates: 0,
  outOfBounds: 0,
  problem: "",
});

/** Rows between two chances for others to run. */
const ROWS_PER_STEP = 512;
/** The row of a series that gets no staleness marker. */
const UNTRACKED = 0xffff_ffff;
const SAMPLE_LIMIT = "sample limit exceeded";
const BUCKET_LIMIT = "histogram bucket limit exceeded";
/** The finest schema there is. */
const SCHEMA_FINEST = 8;

export interface ShapedScrape {
  readonly rules: ShapeRules;
  readonly memory: TargetMemory;
  readonly nowMs: number;
  /** Samples ahead of this are refused; none are unless given. */
  readonly newestMs?: number;
  /** Why the answer could not be read to its end, "" when it was. */
  readonly failure?: string;
  /** Nothing at all was answered; that takes no series from those known. */
  readonly isEmpty?: boolean;
  /** The format is protobuf, where a gauge histogram has the series of a histogram. */
  readonly isProtobuf?: boolean;
  readonly isOpenMetrics?: boolean;
  /** With `honor_labels`: the labels of the target, which a label without a value hides in all but made histograms. */
  readonly hiddenLabels?: ReadonlyMap<string, string> | undefined;
}

/**
 * Shapes the batch of a scrape at `nowMs`. When there is a problem the batch is not to be used, and `markAllStale` is
 * what follows.
 */
export function* shapeSamples(batch: SampleBatch, scrape: ShapedScrape): Generator<void, Shaped> {
  const { rules, memory, failure = "" } = scrape;
  const positions = rules.toCustomBuckets
    ? yield* toCustomBuckets(batch, {
        keepsClassic: rules.keepsClassic,
        isProtobuf: scrape.isProtobuf === true,
        isOpenMetrics: scrape.isOpenMetrics === true,
        isCut: failure !== "",
        hiddenLabels: scrape.hiddenLabels,
      })
    : [];
  const shaped = nothingShaped();
  const pass = new Pass(batch, scrape, { shaped, positions });
  yield* pass.samples();
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
  remember(memory.last, pass.current);
  if (before !== undefined)
    yield* markGone(batch, before, { now: pass.current, atMs: scrape.nowMs, last: memory.last });
  memory.last = bounded(memory.last, pass.current);
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
    yield* markGone(batch, before, { now: partial?.index, atMs, last: memory.last });
}

function* markGone(
  batch: SampleBatch,
  { index, table }: Seen,
  marks: {
    readonly now: SeriesIndex | undefined;
    readonly atMs: number;
    readonly last: SeriesIndex;
  },
): Generator<void> {
  const { now, atMs, last } = marks;
  for (let entry = 0; entry < index.size; entry++) {
    if (entry % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
    const row = index.row[entry] as number;
    if (row === UNTRACKED) continue;
    const still = now?.twin(index, entry) ?? -1;
    if (still >= 0 && now?.row[still] !== UNTRACKED) continue;
    const at = last.twinNear(index, entry);
    // A sample with a time of its own may be ahead; a marker behind it would only be out of order.
    if (at >= 0 && (last.timeMs[at] as number) >= atMs) continue;
    const series = copySeries(batch, table.labels(row), table.temporality[row] as number);
    const isHistogram = at >= 0 && ((last.flag[at] as number) & HISTOGRAM) !== 0;
    if (isHistogram) batch.histograms.addStale(series, atMs);
    else batch.samples.addStale(series, atMs, 0);
    // What comes later with an older time of its own is out of order.
    const marked = at >= 0 ? at : last.take(index, entry);
    last.timeMs[marked] = atMs;
    last.value[marked] = Number.NaN;
    if (at < 0) last.flag[marked] = 0;
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

/** One pass over a batch, in the order in which the target showed its samples. */
class Pass {
  /** Series as they are stored, with the newest sample of this scrape that is handed on. */
  readonly current: SeriesIndex;
  /** Series as the target showed them, which are the same ones without relabelling. */
  readonly shown: SeriesIndex;
  private readonly batch: SampleBatch;
  private readonly rules: ShapeRules;
  private readonly memory: TargetMemory;
  private readonly nowMs: number;
  private readonly newestMs: number;
  private readonly shaped: Shaped;
  /** Where histograms that were made stand among the series, by row; the others stand where their series is. */
  private readonly positions: readonly number[];
  private readonly relabelling: SeriesRelabelling;
  private readonly fitted = new Map<number, HistogramRow>();
  private appended = 0;
  /** Of the sample at hand. */
  private isHistogram = false;
  private hasTooManyBuckets = false;

  constructor(
    batch: SampleBatch,
    scrape: ShapedScrape,
    other: { readonly shaped: Shaped; readonly positions: readonly number[] },
  ) {
    const { rules, memory, nowMs, newestMs = Number.POSITIVE_INFINITY } = scrape;
    this.batch = batch;
    this.rules = rules;
    this.memory = memory;
    this.nowMs = nowMs;
    this.newestMs = newestMs;
    this.shaped = other.shaped;
    this.positions = other.positions;
    this.current = new SeriesIndex(memory.known.size);
    this.shown = rules.relabel === undefined ? this.current : new SeriesIndex(memory.known.size);
    const fail = (problem: string): void => this.fail(problem);
    this.relabelling = new SeriesRelabelling(batch, rules, { memory, fail });
  }

  *samples(): Generator<void> {
    const { samples, histograms } = this.batch;
    const keepsFloat = new Uint8Array(samples.rows);
    const keepsHistogram = new Uint8Array(histograms.rows);
    const order = this.histogramOrder();
    let float = 0;
    let at = 0;
    while (float < samples.rows || at < order.length) {
      if ((float + at) % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
      const histogram = order[at];
      const isFloat =
        histogram === undefined ||
        (float < samples.rows && (samples.series[float] as number) <= this.position(histogram));
      if (isFloat) {
        if (this.float(float)) keepsFloat[float] = 1;
        float++;
      } else {
        if (this.histogram(histogram)) keepsHistogram[histogram] = 1;
        at++;
      }
      if (this.isOver) return;
    }
    if (keepsFloat.includes(0)) compactFloats(samples, (row) => keepsFloat[row] === 1);
    if (keepsHistogram.includes(0) || this.fitted.size > 0)
      rewriteHistograms(this.batch, (row, histogram) =>
        keepsHistogram[row] === 1 ? (this.fitted.get(row) ?? histogram) : undefined,
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
      const series = this.relabelling.found(from);
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

  private histogramOrder(): readonly number[] {
    const rows = Array.from({ length: this.batch.histograms.rows }, (_, row) => row);
    return this.positions.length === 0
      ? rows
      : rows.sort((a, b) => this.position(a) - this.position(b));
  }

  private position(row: number): number {
    return this.positions[row] ?? (this.batch.histograms.series[row] as number);
  }

  private float(row: number): boolean {
    const { samples } = this.batch;
    const bare = samples.series[row] as number;
    const series = this.admitted(bare);
    if (series < 0) return false;
    samples.series[row] = series;
    this.isHistogram = false;
    this.hasTooManyBuckets = false;
    return this.takes(series, bare, samples.timeMs[row] as number, samples.value[row] as number);
  }

  private histogram(row: number): boolean {
    const { histograms } = this.batch;
    const bare = histograms.series[row] as number;
    const series = this.admitted(bare);
    if (series < 0) return false;
    histograms.series[row] = series;
    this.isHistogram = true;
    this.hasTooManyBuckets = !this.fits(row);
    return this.takes(
      series,
      bare,
      histograms.timeMs[row] as number,
      histograms.sum[row] as number,
    );
  }

  /** Counts a sample; the row of its series after relabelling, -1 when it is left out. */
  private admitted(bare: number): number {
    this.shaped.scraped++;
    const series = this.relabelling.row(bare);
    if (series >= 0) this.shaped.kept++;
    return series;
  }

  /** Makes the buckets of a histogram fewer where the rules ask for that; false when they stay too many. */
  private fits(row: number): boolean {
    const { bucketLimit, schemaMax } = this.rules;
    if (bucketLimit === 0 && schemaMax >= SCHEMA_FINEST) return true;
    const given = histogramRow(this.batch.histograms, row);
    const isExponential = given.schema >= -4;
    let fitted = given;
    while (isExponential && fitted.schema > schemaMax && fitted.schema > -4)
      fitted = coarser(fitted);
    const tooMany = (): boolean =>
      bucketLimit > 0 && fitted.positive.length + fitted.negative.length > bucketLimit;
    while (isExponential && tooMany() && fitted.schema > -4) fitted = coarser(fitted);
    if (fitted !== given) this.fitted.set(row, fitted);
    return !tooMany();
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
    let entry = shown.find(low, high);
    if (entry < 0) {
      entry = this.add(shown, low, high);
      if (known.is(entry, low, high) || known.find(low, high) >= 0) shown.flag[entry] = KNOWN;
    } else if (((shown.flag[entry] as number) & KNOWN) !== 0 && timeMs === this.nowMs) {
      shaped.duplicates++;
      return false;
    }
    if (this.hasTooManyBuckets) this.fail(BUCKET_LIMIT);
    else if (rules.sampleLimit > 0 && ++this.appended > rules.sampleLimit) this.fail(SAMPLE_LIMIT);
    else if (timeMs > this.newestMs || timeMs < 0) shaped.outOfBounds++;
    else return this.appends(series, entry, timeMs, value);
    return false;
  }

  /** The same for a sample within all limits, of the series that is entry `shownAs` of those shown. */
  private appends(series: number, shownAs: number, timeMs: number, value: number): boolean {
    const { current, shown, shaped, isHistogram } = this;
    const { last } = this.memory;
    const { outOfOrderMs } = this.rules;
    const low = this.batch.series.hashLow[series] as number;
    const high = this.batch.series.hashHigh[series] as number;
    let entry = current === shown ? shownAs : current.find(low, high);
    if (entry < 0) entry = this.add(current, low, high);
    const before = last.twinNear(current, entry);
    const verdict =
      before < 0 || timeMs > (last.timeMs[before] as number)
        ? "next"
        : verdictOf(last, before, { timeMs, value, isHistogram, outOfOrderMs });
    if (verdict === "duplicate") shaped.duplicates++;
    else if (verdict === "late") shaped.outOfOrder++;
    if (verdict === "duplicate" || verdict === "late") return false;
    if (((shown.flag[shownAs] as number) & KNOWN) === 0) {
      shown.flag[shownAs] = (shown.flag[shownAs] as number) | KNOWN;
      if (shaped.problem === "") shaped.added++;
    }
    if (timeMs === this.nowMs || this.rules.tracksTimes) current.row[entry] = series;
    const newestMs = current.timeMs[entry] as number;
    if (timeMs <= newestMs) return timeMs < newestMs && newestMs - timeMs <= outOfOrderMs;
    current.timeMs[entry] = timeMs;
    current.value[entry] = value;
    const flag = (current.flag[entry] as number) & ~HISTOGRAM;
    current.flag[entry] = isHistogram ? flag | HISTOGRAM : flag;
    return verdict === "next";
  }

  private add(index: SeriesIndex, low: number, high: number): number {
    const entry = index.add(low, high, UNTRACKED);
    index.timeMs[entry] = NEVER;
    return entry;
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
}
