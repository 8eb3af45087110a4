/** A series of the head as one reader sees it. */
import type { Labels, SampleScratch } from "@triptych/lang";
import type { PageTable } from "./pages.ts";

/** A series as one reader sees it; what is dropped later stays for him. */
export interface HeadSeries {
  readonly id: bigint;
  readonly labels: Labels;
  /** Before and at this time the head may miss samples that came late. */
  readonly lateUntilMs: number;
  readonly lastMs: number;
  /** Time of the newest native histogram; those are not kept here. */
  readonly lastHistogramMs: number;
  /** At least as many as `read` gives. */
  count(range: HeadRange): number;
  /**
   * Writes the floats in the range into the scratch from row `at` on and returns the row after the last, and whether
   * one of them is no number or smaller than the one before it.
   */
  read(range: HeadRange, scratch: SampleScratch, at: number): HeadRead;
}

export interface HeadRange {
  readonly afterMs: number;
  readonly toMs: number;
}

export interface HeadRead {
  readonly end: number;
  readonly hasNaN: boolean;
  readonly falls: boolean;
}

/** What views ask of the head. */
export interface Reader {
  readonly id: (ref: number) => bigint;
  readonly count: (ref: number, pages: PageTable, range: HeadRange) => number;
  readonly read: (
    ref: number,
    pages: PageTable,
    what: { readonly range: HeadRange; readonly scratch: SampleScratch; readonly at: number },
  ) => HeadRead;
}

/** One for each series that a query reads, of which there may be many. */
export class HeadView implements HeadSeries {
  readonly labels: Labels;
  readonly lateUntilMs: number;
  readonly lastMs: number;
  readonly lastHistogramMs: number;
  private readonly reader: Reader;
  private readonly ref: number;
  private readonly pages: PageTable;

  constructor(
    reader: Reader,
    given: Pick<HeadSeries, "labels" | "lateUntilMs" | "lastMs" | "lastHistogramMs"> & {
      readonly ref: number;
      readonly pages: PageTable;
    },
  ) {
    this.reader = reader;
    this.ref = given.ref;
    this.pages = given.pages;
    this.labels = given.labels;
    this.lateUntilMs = given.lateUntilMs;
    this.lastMs = given.lastMs;
    this.lastHistogramMs = given.lastHistogramMs;
  }

  get id(): bigint {
    return this.reader.id(this.ref);
  }

  count(range: HeadRange): number {
    if (this.lastMs <= range.afterMs) return 0;
    return this.reader.count(this.ref, this.pages, range);
  }

  read(range: HeadRange, scratch: SampleScratch, at: number): HeadRead {
    const { ref, pages, reader } = this;
    return reader.read(ref, pages, { range, scratch, at });
  }
}
