/**
 * The head: recent samples of all series in memory, compressed and bounded. A cache, never the only copy: what is in it
 * was acknowledged before. It is *complete* for times later than `completeAfterMs`: every float sample that this
 * process or, once it is rebuilt, an earlier one took with a later time is here, but for the series in `lateUntil`.
 * Until it is rebuilt that is the time of the start; older samples that come meanwhile are taken, but not answered for.
 *
 * Not safe for use while a call runs; calls are synchronous and short (`append` takes a batch).
 */
import type { LabelPair } from "@triptych/lang";
import type { SampleBatch, SeriesTable } from "@triptych/model";
import {
  CHUNK_SAMPLES_MAX,
  growChunk,
  isFilled,
  NO_CHUNK,
  pageOf,
  type Samples,
  wordOf,
  writeChunk,
} from "./chunk.ts";
import { GroupIds } from "./group-ids.ts";
import { type HeadSeries, HeadView, type Reader } from "./head-view.ts";
import { Pages, type PageTable } from "./pages.ts";
import { SampleReader } from "./sample-reader.ts";
import { placeOf, Slabs } from "./slabs.ts";
import { type IndexMatcher, SeriesIndex } from "./series-index.ts";
import { type SeriesSet, SeriesSets } from "./series-sets.ts";
import { SharedTables } from "./shared-tables.ts";

export interface HeadOptions {
  /** Samples older than this are dropped. */
  readonly windowMs: number;
  /** Pages, open samples and labels together, about. */
  readonly bytesMax: number;
}

export interface Head {
  /** Later than this nothing is missing; `Infinity` while the head is of no use. */
  readonly completeAfterMs: number;
  readonly series: number;
  readonly bytes: number;
  /** Takes acknowledged samples. */
  append(batch: SampleBatch, nowMs: number): void;
  /** The series that match all, in the order of their labels, in steps of some milliseconds. */
  match(matchers: readonly IndexMatcher[]): Generator<void, readonly HeadSeries[]>;
  /** Work of `match` that can be done before it in small steps: after very many series came, much. */
  settle(matchers: readonly IndexMatcher[]): Iterable<void>;
  /** The series with this id (the two words of the hash of its labels). */
  byId(id: bigint): HeadSeries | undefined;
  labelNames(): Iterable<string>;
  labelValues(name: string): Iterable<string>;
  /** Drops what is too old or too much, some of it: true when there is more, for the next call. */
  trim(nowMs: number): boolean;
  /** Samples of these series up to `toMs` were deleted from the store: from now on it is asked for that time. */
  forget(ids: readonly bigint[], toMs: number): void;
  /** Takes samples of an earlier process; see `rebuild.ts`. */
  readonly restore: HeadRestore;
  /** For who computes over very many series and wants no object of each. */
  readonly bulk: HeadBulk;
}

export interface HeadBulk {
  /** What other threads read. */
  readonly tables: SharedTables;
  /** The series that match all; in steps of some milliseconds. */
  series(matchers: readonly IndexMatcher[]): Generator<void, SeriesSet>;
  /** Whether the head may miss a sample of one of these that is later than `afterMs`. */
  isLate(refs: Uint32Array, afterMs: number): boolean;
}

export interface HeadRestore {
  /**
   * A series with samples of a piece of time before the start, ascending, and the time of its newest histogram. The
   * next piece that is put must be older. False when there is no room.
   */
  put(
    series: { readonly id: bigint; readonly labels: readonly LabelPair[] },
    samples: { readonly floats: Samples; readonly lastHistogramMs: number },
    nowMs: number,
  ): boolean;
  /** All samples later than `afterMs` have been put. */
  done(afterMs: number): void;
}

const NEVER = Number.NEGATIVE_INFINITY;
const UNKNOWN = -1;
const NO_ROOM = -2;
/** Forgetting so many series takes some milliseconds, and as much again for the lists of a million that they are in. */
const FORGOTTEN_AT_ONCE = 5_000;
const VIEWS_AT_ONCE = 5_000;
/** Beyond this the head gives up the time they came for. */
const LATE_SERIES_MAX = 100_000;
/** What an earlier process left may take this much; the rest is for what comes. */
const RESTORE_SHARE = 0.7;

export function createHead(options: HeadOptions, startMs: number): Head {
  return new HeadStore(options, startMs);
}

class HeadStore implements Head, HeadRestore {
  completeAfterMs: number;
  private readonly options: HeadOptions;
  private readonly index = new SeriesIndex();
  private readonly groups = new GroupIds();
  private readonly sets = new SeriesSets(this.index, this.groups);
  private readonly shared = new SharedTables();
  private readonly pages = new Pages(this.shared.pages);
  private readonly slabs = new Slabs(this.shared.slabs);
  private readonly samples = new SampleReader(this.pages.current, this.slabs);
  /** Series that got samples older than what they had: before and at this time they may miss some. */
  private readonly lateUntil = new Map<number, number>();
  /** Up to here samples are not taken, and nothing can be claimed, whatever is restored. */
  private lostUntilMs: number;
  /** Of the rows of the batch being taken. */
  private refOfRow = new Int32Array(0);
  private refsOfBatch = new Int32Array(1024);
  /** The refs of rows of lasting tables, to be checked before use: series go, and their refs are given to others. */
  private readonly refsOfTables = new WeakMap<SeriesTable, Int32Array<ArrayBuffer>>();
  constructor(options: HeadOptions, startMs: number) {
    this.options = options;
    this.completeAfterMs = startMs;
    this.lostUntilMs = startMs - options.windowMs;
  }

  get series(): number {
    return this.index.size;
  }

  get bytes(): number {
    return this.pages.bytes + this.slabs.bytes + this.index.bytes + this.cached;
  }

  /** What only makes queries faster. */
  private get cached(): number {
    return this.groups.bytes + this.sets.bytes;
  }

  get restore(): HeadRestore {
    return this;
  }

  readonly bulk: HeadBulk = {
    tables: this.shared,
    series: (matchers) => this.sets.of(matchers),
    isLate: (refs, afterMs) => this.isLate(refs, afterMs),
  };

  append(batch: SampleBatch, nowMs: number): void {
    this.shared.write(() => this.take(batch, nowMs));
  }

  private take(batch: SampleBatch, nowMs: number): void {
    const { series, samples, histograms } = batch;
    this.refOfRow = this.refsFor(series);
    for (let row = 0; row < samples.rows; row++) {
      const t = Math.trunc(samples.timeMs[row] as number);
      const ref = this.refOf(batch, samples.series[row] as number, nowMs);
      if (ref < 0) this.missed(t);
      else this.add(ref, t, samples.value, row);
    }
    for (let row = 0; row < histograms.rows; row++) {
      const t = histograms.timeMs[row] as number;
      const ref = this.refOf(batch, histograms.series[row] as number, nowMs);
      if (ref < 0) this.missed(t);
      else this.sawHistogram(ref, t);
    }
    if (this.bytes > this.options.bytesMax) this.dropPages(NEVER);
  }

  /** There was no room: nothing may be claimed for that time. */
  private missed(t: number): void {
    this.lostUntilMs = Math.max(this.lostUntilMs, t);
    this.completeAfterMs = Math.max(this.completeAfterMs, t);
  }

  private refsFor(series: SeriesTable): Int32Array<ArrayBuffer> {
    if (!series.lasting) {
      if (this.refsOfBatch.length < series.rows) this.refsOfBatch = new Int32Array(series.rows * 2);
      return this.refsOfBatch.fill(UNKNOWN, 0, series.rows);
    }
    const known = this.refsOfTables.get(series);
    if (known !== undefined && known.length >= series.rows) return known;
    const refs = new Int32Array(series.offsets.length).fill(UNKNOWN);
    if (known !== undefined) refs.set(known);
    this.refsOfTables.set(series, refs);
    return refs;
  }

  private refOf(batch: SampleBatch, row: number, nowMs: number): number {
    const { series } = batch;
    const known = this.refOfRow[row] as number;
    if (known !== UNKNOWN && !series.lasting) return known;
    const low = series.hashLow[row] as number;
    const high = series.hashHigh[row] as number;
    if (known >= 0 && this.index.is(known, low, high)) return known;
    let ref = this.index.find(low, high);
    if (ref < 0) ref = this.newSeries(() => this.index.addRow(series, row, nowMs));
    this.refOfRow[row] = ref;
    return ref;
  }

  /** `NO_ROOM` when series alone take what there is. */
  private newSeries(add: () => number): number {
    if (this.slabs.bytes + this.index.bytes > this.options.bytesMax) return NO_ROOM;
    const ref = add();
    this.slabs.reach(ref);
    const { newestChunk, lastMs, lastHistogramMs } = this.slabs.of(ref);
    const place = placeOf(ref);
    newestChunk[place] = NO_CHUNK;
    lastMs[place] = NEVER;
    lastHistogramMs[place] = NEVER;
    this.slabs.reset(ref);
    this.groups.renew(ref);
    return ref;
  }

  private add(ref: number, t: number, values: Float64Array, row: number): void {
    if (t <= this.lostUntilMs) return;
    const { lastMs } = this.slabs.of(ref);
    const place = placeOf(ref);
    const last = lastMs[place] as number;
    // Of samples with the same time the first counts.
    if (t === last) return;
    if (t < last) {
      this.late(ref, t);
      return;
    }
    if (!this.slabs.push(ref, t, values, row)) {
      this.seal(ref);
      this.slabs.push(ref, t, values, row);
    }
    lastMs[place] = t;
  }

  private late(ref: number, t: number): void {
    const until = Math.max(this.lateUntil.get(ref) ?? NEVER, t);
    this.lateUntil.set(ref, until);
    if (this.lateUntil.size <= LATE_SERIES_MAX) return;
    for (const [, ms] of this.lateUntil) this.missed(ms);
    this.lateUntil.clear();
  }

  private seal(ref: number): void {
    const { samples, count } = this.slabs.samples(ref);
    const part = { from: 0, to: count };
    const { newestChunk } = this.slabs.of(ref);
    const previous = newestChunk[placeOf(ref)] as number;
    const page = previous === NO_CHUNK ? undefined : pageOf(this.pages.current, previous);
    if (page === undefined || !growChunk(page, previous, samples, part)) {
      // Of a series that is new nobody knows whether it stays.
      const grows = page !== undefined && isFilled(page, previous);
      newestChunk[placeOf(ref)] = writeChunk(this.pages, previous, samples, { ...part, grows });
    }
    this.slabs.reset(ref);
  }

  private isLate(refs: Uint32Array, afterMs: number): boolean {
    const { lateUntil } = this;
    let newest = NEVER;
    for (const until of lateUntil.values()) newest = Math.max(newest, until);
    if (newest <= afterMs) return false;
    return refs.some((ref) => (lateUntil.get(ref) ?? NEVER) > afterMs);
  }

  forget(ids: readonly bigint[], toMs: number): void {
    for (const id of ids) {
      const ref = this.index.findId(id);
      if (ref >= 0) this.late(ref, Math.min(toMs, this.lastMsOf(ref)));
    }
  }

  *match(matchers: readonly IndexMatcher[]): Generator<void, readonly HeadSeries[]> {
    const pages = this.pages.snapshot();
    const out: HeadSeries[] = [];
    const refs = yield* this.index.matching(matchers);
    for (const [at, ref] of refs.entries()) {
      if (at % VIEWS_AT_ONCE === VIEWS_AT_ONCE - 1) yield;
      if (this.index.has(ref)) out.push(this.view(ref, pages));
    }
    return out;
  }

  settle(matchers: readonly IndexMatcher[]): Iterable<void> {
    return this.index.settle(matchers);
  }

  byId(id: bigint): HeadSeries | undefined {
    const ref = this.index.findId(id);
    return ref < 0 ? undefined : this.view(ref, this.pages.snapshot());
  }

  private view(ref: number, pages: PageTable): HeadSeries {
    return new HeadView(this.reader, {
      ref,
      pages,
      labels: this.index.labels(ref),
      lateUntilMs: this.lateUntil.get(ref) ?? NEVER,
      lastMs: this.lastMsOf(ref),
      lastHistogramMs: this.slabs.of(ref).lastHistogramMs[placeOf(ref)] as number,
    });
  }

  private lastMsOf(ref: number): number {
    return this.slabs.of(ref).lastMs[placeOf(ref)] as number;
  }

  private sawHistogram(ref: number, t: number): void {
    const { lastHistogramMs } = this.slabs.of(ref);
    const place = placeOf(ref);
    lastHistogramMs[place] = Math.max(lastHistogramMs[place] as number, t);
  }

  private readonly reader: Reader = {
    id: (ref) => this.index.id(ref),
    count: (ref, pages, range) => this.samples.count(ref, pages, range),
    read: (ref, pages, what) => this.samples.read(ref, pages, what),
  };

  labelNames(): Iterable<string> {
    return this.index.labelNames();
  }

  labelValues(name: string): Iterable<string> {
    return this.index.labelValues(name);
  }

  trim(nowMs: number): boolean {
    const oldestMs = nowMs - this.options.windowMs;
    this.dropPages(oldestMs);
    this.missed(oldestMs);
    return this.forgetOld(nowMs);
  }

  /** Drops pages whose samples are all older than `oldestMs`, and more while there is too much. */
  private dropPages(oldestMs: number): void {
    for (;;) {
      const oldest = this.pages.oldest();
      if (oldest === undefined) return;
      if (oldest.maxMs > oldestMs && this.bytes <= this.options.bytesMax) return;
      this.pages.drop(oldest.number);
      this.missed(oldest.maxMs);
    }
  }

  /** Series whose samples are all older than what the head answers for. */
  private forgetOld(nowMs: number): boolean {
    const old: number[] = [];
    for (let ref = 0; ref < this.index.refs && old.length < FORGOTTEN_AT_ONCE; ref++) {
      if (!this.index.has(ref)) continue;
      const { lastMs, lastHistogramMs } = this.slabs.of(ref);
      const place = placeOf(ref);
      const last = Math.max(lastMs[place] as number, lastHistogramMs[place] as number);
      // A series that only got late samples is known for a while, so that they are asked for.
      if (Math.max(last, this.lateUntil.get(ref) ?? NEVER) <= this.lostUntilMs) old.push(ref);
    }
    if (old.length > 0) this.index.remove(old, nowMs);
    for (const [ref, until] of this.lateUntil)
      if (!this.index.has(ref) || until <= this.lostUntilMs) this.lateUntil.delete(ref);
    return old.length === FORGOTTEN_AT_ONCE;
  }

  put(...given: Parameters<HeadRestore["put"]>): boolean {
    return this.shared.write(() => this.putOlder(...given));
  }

  private putOlder(
    { id, labels }: { readonly id: bigint; readonly labels: readonly LabelPair[] },
    { floats, lastHistogramMs }: { readonly floats: Samples; readonly lastHistogramMs: number },
    nowMs: number,
  ): boolean {
    if (this.bytes > this.options.bytesMax * RESTORE_SHARE) return false;
    const low = Number(id & 0xffff_ffffn);
    const high = Number(id >> 32n);
    let ref = this.index.find(low, high);
    if (ref < 0) ref = this.newSeries(() => this.index.add({ low, high }, labels, nowMs));
    if (ref < 0) return false;
    this.sawHistogram(ref, lastHistogramMs);
    const { timeMs } = floats;
    const firstMs = this.samples.firstMs(ref);
    let length = timeMs.length;
    while (length > 0 && (timeMs[length - 1] as number) >= firstMs) length--;
    // Some of them came to this process; whether all did is not known.
    if (length < timeMs.length) this.late(ref, timeMs[timeMs.length - 1] as number);
    if (length === 0) return true;
    let newest = NO_CHUNK;
    for (let from = 0; from < length; from += CHUNK_SAMPLES_MAX) {
      const to = Math.min(length, from + CHUNK_SAMPLES_MAX);
      newest = writeChunk(this.pages, newest, floats, { from, to });
    }
    this.attach(ref, newest);
    const { lastMs } = this.slabs.of(ref);
    lastMs[placeOf(ref)] = Math.max(this.lastMsOf(ref), timeMs[length - 1] as number);
    return true;
  }

  private newestOf(ref: number): number {
    return this.slabs.of(ref).newestChunk[placeOf(ref)] as number;
  }

  /** Puts chunks before the oldest one that the series has. */
  private attach(ref: number, older: number): void {
    let address = this.newestOf(ref);
    if (address === NO_CHUNK) {
      this.slabs.of(ref).newestChunk[placeOf(ref)] = older;
      return;
    }
    for (;;) {
      const page = pageOf(this.pages.current, address);
      if (page === undefined) return;
      const at = wordOf(address);
      const previous = page.f64[at] as number;
      if (previous === NO_CHUNK) {
        page.f64[at] = older;
        return;
      }
      address = previous;
    }
  }

  done(afterMs: number): void {
    const claimed = Math.max(afterMs, this.lostUntilMs);
    this.completeAfterMs = Math.min(this.completeAfterMs, claimed);
  }
}
