/**
 * The head: recent samples of all series in memory, compressed and bounded. A cache, never the only copy: what is in it
 * was acknowledged before. It is *complete* for times later than `completeAfterMs`: every float sample that this
 * process or, once it is rebuilt, an earlier one took with a later time is here, but for the series in `lateUntil`.
 * Until it is rebuilt that is the time of the start; older samples that come meanwhile are taken, but not answered for.
 *
 * Not safe for use while a call runs; calls are synchronous and short (`append` takes a batch).
 */
import type { LabelPair, SampleScratch } from "@triptych/lang";
import type { SampleBatch, SeriesTable } from "@triptych/model";
import {
  type ChunkInfo,
  CHUNK_SAMPLES_MAX,
  chunkInfo,
  growChunk,
  isFilled,
  NO_CHUNK,
  pageOf,
  readChunk,
  type Samples,
  wordOf,
  writeChunk,
} from "./chunk.ts";
import {
  type HeadRange,
  type HeadRead,
  type HeadSeries,
  HeadView,
  type Reader,
} from "./head-view.ts";
import { OPEN_SAMPLES, OpenSamples } from "./open-samples.ts";
import { Pages, type PageTable } from "./pages.ts";
import { type IndexMatcher, SeriesIndex } from "./series-index.ts";

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
  /** The series that match all, in the order of their labels. */
  match(matchers: readonly IndexMatcher[]): readonly HeadSeries[];
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
  private readonly pages = new Pages();
  private readonly open = new OpenSamples();
  private newestChunk = new Float64Array(1024);
  private lastMs = new Float64Array(1024);
  private lastHistogramMs = new Float64Array(1024);
  /** Series that got samples older than what they had: before and at this time they may miss some. */
  private readonly lateUntil = new Map<number, number>();
  /** Up to here samples are not taken, and nothing can be claimed, whatever is restored. */
  private lostUntilMs: number;
  /** Of the rows of the batch being taken. */
  private refOfRow = new Int32Array(0);
  private refsOfBatch = new Int32Array(1024);
  /** The refs of rows of lasting tables, to be checked before use: series go, and their refs are given to others. */
  private readonly refsOfTables = new WeakMap<SeriesTable, Int32Array<ArrayBuffer>>();
  private addresses = new Float64Array(64);
  private samplesFound = 0;
  private readonly info: ChunkInfo = {
    previous: 0,
    firstMs: 0,
    lastMs: 0,
    count: 0,
    hasNaN: false,
    falls: false,
  };

  constructor(options: HeadOptions, startMs: number) {
    this.options = options;
    this.completeAfterMs = startMs;
    this.lostUntilMs = startMs - options.windowMs;
  }

  get series(): number {
    return this.index.size;
  }

  get bytes(): number {
    return this.pages.bytes + this.open.bytes + this.index.bytes;
  }

  get restore(): HeadRestore {
    return this;
  }

  append(batch: SampleBatch, nowMs: number): void {
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
      else this.lastHistogramMs[ref] = Math.max(this.lastHistogramMs[ref] as number, t);
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
    if (ref < 0) ref = this.newSeries({ low, high }, () => series.labels(row), nowMs);
    this.refOfRow[row] = ref;
    return ref;
  }

  /** `NO_ROOM` when series alone take what there is. */
  private newSeries(
    hash: { readonly low: number; readonly high: number },
    labels: () => readonly LabelPair[],
    nowMs: number,
  ): number {
    if (this.open.bytes + this.index.bytes > this.options.bytesMax) return NO_ROOM;
    const ref = this.index.add(hash, labels(), nowMs);
    if (ref >= this.lastMs.length) {
      this.newestChunk = grown(this.newestChunk);
      this.lastMs = grown(this.lastMs);
      this.lastHistogramMs = grown(this.lastHistogramMs);
    }
    this.newestChunk[ref] = NO_CHUNK;
    this.lastMs[ref] = NEVER;
    this.lastHistogramMs[ref] = NEVER;
    this.open.reset(ref);
    return ref;
  }

  private add(ref: number, t: number, values: Float64Array, row: number): void {
    if (t <= this.lostUntilMs) return;
    const last = this.lastMs[ref] as number;
    // Of samples with the same time the first counts.
    if (t === last) return;
    if (t < last) {
      this.late(ref, t);
      return;
    }
    if (!this.open.push(ref, t, values, row)) {
      this.seal(ref);
      this.open.push(ref, t, values, row);
    }
    this.lastMs[ref] = t;
  }

  private late(ref: number, t: number): void {
    const until = Math.max(this.lateUntil.get(ref) ?? NEVER, t);
    this.lateUntil.set(ref, until);
    if (this.lateUntil.size <= LATE_SERIES_MAX) return;
    for (const [, ms] of this.lateUntil) this.missed(ms);
    this.lateUntil.clear();
  }

  private seal(ref: number): void {
    const { samples, count } = this.open.samples(ref);
    const part = { from: 0, to: count };
    const previous = this.newestChunk[ref] as number;
    const page = previous === NO_CHUNK ? undefined : pageOf(this.pages.current, previous);
    if (page === undefined || !growChunk(page, previous, samples, part)) {
      // Of a series that is new nobody knows whether it stays.
      const grows = page !== undefined && isFilled(page, previous);
      this.newestChunk[ref] = writeChunk(this.pages, previous, samples, { ...part, grows });
    }
    this.open.reset(ref);
  }

  forget(ids: readonly bigint[], toMs: number): void {
    for (const id of ids) {
      const ref = this.index.findId(id);
      if (ref >= 0) this.late(ref, Math.min(toMs, this.lastMs[ref] as number));
    }
  }

  match(matchers: readonly IndexMatcher[]): readonly HeadSeries[] {
    const pages = this.pages.snapshot();
    return Array.from(this.index.match(matchers), (ref) => this.view(ref, pages));
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
      lastMs: this.lastMs[ref] as number,
      lastHistogramMs: this.lastHistogramMs[ref] as number,
    });
  }

  private readonly reader: Reader = {
    id: (ref) => this.index.id(ref),
    count: (ref, pages, range) => {
      this.chunks(ref, pages, range);
      return this.samplesFound + this.open.count(ref);
    },
    read: (ref, pages, { range, scratch, at }) => this.read(ref, pages, { range, scratch, at }),
  };

  /** Finds the chunks that touch the range: `addresses`, oldest last, and `samplesFound`. Returns how many. */
  private chunks(ref: number, pages: PageTable, { afterMs, toMs }: HeadRange): number {
    const { info } = this;
    let found = 0;
    let samples = 0;
    for (let address = this.newestChunk[ref] as number; address !== NO_CHUNK; ) {
      // Pages made since the reader came are not in his table.
      const page = pageOf(pages, address) ?? pageOf(this.pages.current, address);
      if (page === undefined) break;
      chunkInfo(page, address, info);
      if (info.lastMs <= afterMs) break;
      if (info.firstMs <= toMs) {
        if (found === this.addresses.length) this.addresses = grown(this.addresses);
        this.addresses[found++] = address;
        samples += info.count;
      }
      address = info.previous;
    }
    this.samplesFound = samples;
    return found;
  }

  private read(
    ref: number,
    pages: PageTable,
    what: { readonly range: HeadRange; readonly scratch: SampleScratch; readonly at: number },
  ): HeadRead {
    const { range, scratch, at } = what;
    const found = this.chunks(ref, pages, range);
    const { addresses } = this;
    scratch.reserve(at + this.samplesFound + OPEN_SAMPLES);
    let end = at;
    let hasNaN = false;
    let falls = false;
    for (let i = found - 1; i >= 0; i--) {
      const address = addresses[i] as number;
      const page = pageOf(pages, address) ?? pageOf(this.pages.current, address);
      if (page === undefined) continue;
      chunkInfo(page, address, this.info);
      const start = end;
      end = readChunk(page, address, scratch, {
        to: start,
        afterMs: range.afterMs,
        toMs: range.toMs,
      });
      hasNaN ||= this.info.hasNaN;
      falls ||= this.info.falls || (end > start && fallsAt(scratch, start, at));
      if (end > start && (scratch.timeMs[start] as number) <= range.afterMs)
        end = cutStart(scratch, start, end, range.afterMs);
    }
    while (end > at && (scratch.timeMs[end - 1] as number) > range.toMs) end--;
    const opened = end;
    end = this.open.read(ref, range, scratch, opened);
    for (let row = opened; row < end; row++) {
      if (Number.isNaN(scratch.value[row])) hasNaN = true;
      falls ||= fallsAt(scratch, row, at);
    }
    return { end, hasNaN, falls };
  }

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
      const last = Math.max(this.lastMs[ref] as number, this.lastHistogramMs[ref] as number);
      // A series that only got late samples is known for a while, so that they are asked for.
      if (Math.max(last, this.lateUntil.get(ref) ?? NEVER) <= this.lostUntilMs) old.push(ref);
    }
    if (old.length > 0) this.index.remove(old, nowMs);
    for (const [ref, until] of this.lateUntil)
      if (!this.index.has(ref) || until <= this.lostUntilMs) this.lateUntil.delete(ref);
    return old.length === FORGOTTEN_AT_ONCE;
  }

  put(
    { id, labels }: { readonly id: bigint; readonly labels: readonly LabelPair[] },
    { floats, lastHistogramMs }: { readonly floats: Samples; readonly lastHistogramMs: number },
    nowMs: number,
  ): boolean {
    if (this.bytes > this.options.bytesMax * RESTORE_SHARE) return false;
    const low = Number(id & 0xffff_ffffn);
    const high = Number(id >> 32n);
    let ref = this.index.find(low, high);
    if (ref < 0) ref = this.newSeries({ low, high }, () => labels, nowMs);
    if (ref < 0) return false;
    this.lastHistogramMs[ref] = Math.max(this.lastHistogramMs[ref] as number, lastHistogramMs);
    const { timeMs } = floats;
    const firstMs = this.firstMs(ref);
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
    this.lastMs[ref] = Math.max(this.lastMs[ref] as number, timeMs[length - 1] as number);
    return true;
  }

  /** The time of the oldest sample of a series that is here. */
  private firstMs(ref: number): number {
    let firstMs = this.open.firstMs(ref);
    for (let address = this.newestChunk[ref] as number; address !== NO_CHUNK; ) {
      const page = pageOf(this.pages.current, address);
      if (page === undefined) break;
      chunkInfo(page, address, this.info);
      firstMs = this.info.firstMs;
      address = this.info.previous;
    }
    return firstMs;
  }

  /** Puts chunks before the oldest one that the series has. */
  private attach(ref: number, older: number): void {
    let address = this.newestChunk[ref] as number;
    if (address === NO_CHUNK) {
      this.newestChunk[ref] = older;
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

function grown(from: Float64Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(from.length * 2);
  out.set(from);
  return out;
}

/** Whether the sample at `row` is smaller than the one before it; `first` has none before. */
function fallsAt({ value }: Samples, row: number, first: number): boolean {
  return row > first && (value[row] as number) < (value[row - 1] as number);
}

/** Takes away what is not later than `afterMs`; returns the new end. */
function cutStart(out: Samples, start: number, end: number, afterMs: number): number {
  let from = start;
  while (from < end && (out.timeMs[from] as number) <= afterMs) from++;
  out.timeMs.copyWithin(start, from, end);
  out.value.copyWithin(start, from, end);
  return end - (from - start);
}
