/**
 * Memory for chunks of samples: pages of one MiB, filled one after the other and dropped whole. A chunk has an address,
 * which is never given twice; the address of a dropped page leads to nothing. Who may still read while pages are
 * dropped takes a `snapshot` first. Other threads can read pages.
 */
import { assert } from "@triptych/model";

export const PAGE_BYTES = 1024 * 1024;
/** Addresses count words of eight bytes. */
export const PAGE_WORDS = PAGE_BYTES / 8;

export interface Page {
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i16: Int16Array;
  readonly i8: Int8Array;
  readonly u8: Uint8Array;
  /** Words. */
  used: number;
  /** The newest sample in it. */
  maxMs: number;
}

/** Pages by their number; dropped ones are absent. */
export type PageTable = readonly (Page | undefined)[];

/** Who wants to know of pages that come and go. */
export interface PageWatch {
  made(number: number, buffer: SharedArrayBuffer): void;
  dropped(number: number): void;
}

const noWatch: PageWatch = { made: () => undefined, dropped: () => undefined };

export class Pages {
  private readonly table: (Page | undefined)[] = [];
  private readonly watch: PageWatch;
  private live = 0;
  private open: number | undefined;

  constructor(watch: PageWatch = noWatch) {
    this.watch = watch;
  }

  get bytes(): number {
    return this.live * PAGE_BYTES;
  }

  /** What is there now, for one reader: it keeps what is dropped later. */
  snapshot(): PageTable {
    return this.table.slice();
  }

  get current(): PageTable {
    return this.table;
  }

  /** Room for `words` words whose newest sample is at `maxMs`. */
  allocate(words: number, maxMs: number): number {
    assert(words <= PAGE_WORDS, "a chunk fits a page");
    let page = this.open === undefined ? undefined : this.table[this.open];
    if (page === undefined || page.used + words > PAGE_WORDS) {
      const buffer = new SharedArrayBuffer(PAGE_BYTES);
      page = pageOn(buffer);
      this.open = this.table.push(page) - 1;
      this.live++;
      this.watch.made(this.open, buffer);
    }
    const address = (this.open as number) * PAGE_WORDS + page.used;
    page.used += words;
    page.maxMs = Math.max(page.maxMs, maxMs);
    return address;
  }

  /** The newest sample of the page that is oldest by it, and that page's number; the one being filled is not asked. */
  oldest(): { readonly number: number; readonly maxMs: number } | undefined {
    let found: { number: number; maxMs: number } | undefined;
    for (const [number, page] of this.table.entries()) {
      if (page === undefined || number === this.open) continue;
      if (found === undefined || page.maxMs < found.maxMs) found = { number, maxMs: page.maxMs };
    }
    return found;
  }

  drop(number: number): void {
    assert(this.table[number] !== undefined, "a page is dropped once");
    this.table[number] = undefined;
    this.live--;
    this.watch.dropped(number);
  }

  /** Takes a page of another thread. */
  adopt(number: number, buffer: SharedArrayBuffer): void {
    this.table[number] = pageOn(buffer);
  }

  /** Lets go of a page that another thread dropped. */
  release(number: number): void {
    this.table[number] = undefined;
  }
}

function pageOn(buffer: SharedArrayBuffer): Page {
  return {
    f64: new Float64Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i16: new Int16Array(buffer),
    i8: new Int8Array(buffer),
    u8: new Uint8Array(buffer),
    used: 0,
    maxMs: Number.NEGATIVE_INFINITY,
  };
}
