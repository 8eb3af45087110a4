/** Reads samples of series from the head's tables, in the thread that writes them or in another. */
import type { SampleScratch } from "@triptych/lang";
import {
  type ChunkInfo,
  chunkInfo,
  NO_CHUNK,
  pageNumber,
  pageOf,
  readChunk,
  type Samples,
} from "./chunk.ts";
import type { HeadRange, HeadRead } from "./head-view.ts";
import type { PageTable } from "./pages.ts";
import { OPEN_SAMPLES, placeOf, type Slabs } from "./slabs.ts";

export class SampleReader {
  /** Another thread made pages that are not in the table; what was read since this was false is of no use. */
  isBehind = false;
  private readonly newest: PageTable;
  private readonly slabs: Slabs;
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

  /** `newest` is the table as it is at any time; readers may have an older one. */
  constructor(newest: PageTable, slabs: Slabs) {
    this.newest = newest;
    this.slabs = slabs;
  }

  /** At least as many as `read` gives. */
  count(ref: number, pages: PageTable, range: HeadRange): number {
    this.chunks(ref, pages, range);
    return this.samplesFound + this.slabs.count(ref);
  }

  /** The time of the oldest sample that is here. */
  firstMs(ref: number): number {
    let firstMs = this.slabs.firstMs(ref);
    const { newestChunk } = this.slabs.of(ref);
    for (let address = newestChunk[placeOf(ref)] as number; address !== NO_CHUNK; ) {
      const page = pageOf(this.newest, address);
      if (page === undefined) break;
      chunkInfo(page, address, this.info);
      firstMs = this.info.firstMs;
      address = this.info.previous;
    }
    return firstMs;
  }

  /** Finds the chunks that touch the range: `addresses`, oldest last, and `samplesFound`. Returns how many. */
  private chunks(ref: number, pages: PageTable, { afterMs, toMs }: HeadRange): number {
    const { info, newest } = this;
    let found = 0;
    let samples = 0;
    let seen = 0;
    const { newestChunk } = this.slabs.of(ref);
    for (let address = newestChunk[placeOf(ref)] as number; address !== NO_CHUNK; ) {
      // Pages made since the reader came are not in his table.
      const page = pageOf(pages, address) ?? pageOf(newest, address);
      if (page === undefined) {
        this.isBehind ||= pageNumber(address) >= newest.length;
        break;
      }
      chunkInfo(page, address, info);
      if (info.lastMs <= afterMs || ++seen === CHUNKS_MAX) break;
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

  /**
   * Writes the floats in the range into the scratch from row `at` on and returns the row after the last, and whether
   * one of them is no number or smaller than the one before it.
   */
  read(
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
      const page = pageOf(pages, address) ?? pageOf(this.newest, address);
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
    end = this.slabs.read(ref, range, scratch, opened);
    for (let row = opened; row < end; row++) {
      if (Number.isNaN(scratch.value[row])) hasNaN = true;
      falls ||= fallsAt(scratch, row, at);
    }
    return { end, hasNaN, falls };
  }
}

/** More than fit a head: who reads while another thread writes must not go round in circles. */
const CHUNKS_MAX = 1_000_000;

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
