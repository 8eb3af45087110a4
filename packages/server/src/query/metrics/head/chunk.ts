/**
 * A chunk: up to `CHUNK_SAMPLES_MAX` samples of one series in a page. Made to be read fast: times are a line and what
 * they miss it by, values of counters are differences of few bytes; what does not fit stays as it is. Bits of values
 * are kept (staleness markers, negative zero).
 *
 * Words: 0 address of the chunk before; 1 first time; 2 last time; 3 step of the line; 4 first value;
 * 5 count, kinds and flags; then the times, then the values, each from a word's start.
 */
import { PAGE_WORDS, type Page, type Pages, type PageTable } from "./pages.ts";

export const CHUNK_SAMPLES_MAX = 128;
const HEADER_WORDS = 6;
export const NO_CHUNK = -1;

/** How many bytes each number takes; 0: none are needed. */
type Width = 0 | 1 | 2 | 4 | 8;

export interface Samples {
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
}

interface Part {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/**
 * Appends a chunk of samples `from` to `to` and returns its address. Times ascend and are whole. With `grows` there are
 * places left in it if more like these would take little room.
 */
export function writeChunk(
  pages: Pages,
  previous: number,
  { timeMs, value }: Samples,
  { from, to, grows = false }: Part & { readonly grows?: boolean },
): number {
  const count = to - from;
  const firstMs = timeMs[from] as number;
  const lastMs = timeMs[to - 1] as number;
  const step = count > 1 ? Math.round((lastMs - firstMs) / (count - 1)) : 0;
  let miss = 0;
  for (let i = 0; i < count; i++)
    miss = Math.max(miss, Math.abs((timeMs[from + i] as number) - (firstMs + i * step)));
  const timeWidth: Width =
    miss === 0 ? 0 : miss < 128 ? 1 : miss < 32_768 ? 2 : miss < 2 ** 31 ? 4 : 8;
  const { width: valueWidth, hasNaN, falls } = valueWidthOf(value, from, to);
  const isSmall = timeWidth <= GROWING_WIDTH_MAX && valueWidth <= GROWING_WIDTH_MAX;
  const places = grows && isSmall && count > 1 ? CHUNK_SAMPLES_MAX : count;
  const timeWords = wordsFor(places, timeWidth);
  const address = pages.allocate(HEADER_WORDS + timeWords + wordsFor(places, valueWidth), lastMs);
  const page = pageOf(pages.current, address) as Page;
  const at = wordOf(address);
  page.f64[at] = previous;
  page.f64[at + 1] = firstMs;
  page.f64[at + 2] = lastMs;
  page.f64[at + 3] = step;
  page.f64[at + 4] = value[from] as number;
  page.u32[(at + 5) * 2] = count;
  const info = (at + 5) * 8 + 4;
  page.u8[info] = timeWidth;
  page.u8[info + 1] = valueWidth;
  page.u8[info + 2] = (hasNaN ? HAS_NAN : 0) | (falls ? FALLS : 0);
  page.u8[info + 3] = places;
  writeTimes(page, { at: at + HEADER_WORDS, width: timeWidth, step }, { timeMs, from, to });
  const values = { at: at + HEADER_WORDS + timeWords, width: valueWidth };
  writeValues(page, values, { value, from, to });
  return address;
}

/** Wider samples gain little by sharing a header, and places that stay empty cost much. */
const GROWING_WIDTH_MAX = 2;

const wordsFor = (count: number, width: Width): number => ((count * width + 7) / 8) | 0;

/** Whether a next chunk is likely to be filled: this one is, or it never had places to fill. */
export function isFilled(page: Page, address: number): boolean {
  const header = wordOf(address) + 5;
  return page.u32[header * 2] === page.u8[header * 8 + 7];
}

/**
 * Puts samples `from` to `to`, which are later than those in it, into the places that the chunk has left. False when
 * they are too many or not like those in it; then nothing happened.
 */
export function growChunk(
  page: Page,
  address: number,
  { timeMs, value }: Samples,
  { from, to }: Part,
): boolean {
  const at = wordOf(address);
  const header = (at + 5) * 8;
  const count = page.u32[(at + 5) * 2] as number;
  const places = page.u8[header + 7] as number;
  if (count + to - from > places) return false;
  const timeWidth = page.u8[header + 4] as Width;
  const valueWidth = page.u8[header + 5] as Width;
  const times = at + HEADER_WORDS;
  const values = times + wordsFor(places, timeWidth);
  const step = page.f64[at + 3] as number;
  const lineMs = (page.f64[at + 1] as number) + count * step;
  const last = lastValue(page, { at: values, width: valueWidth }, { at, count });
  let previous = last;
  let falls = false;
  for (let i = from; i < to; i++) {
    const v = value[i] as number;
    if (!Number.isSafeInteger(v) || Object.is(v, -0)) return false;
    if (!fits(v - previous, valueWidth)) return false;
    if (!fits((timeMs[i] as number) - (lineMs + (i - from) * step), timeWidth)) return false;
    falls ||= v < previous;
    previous = v;
  }
  if (timeWidth !== 0) {
    const { into, start } = arrayOf(page, times, timeWidth);
    for (let i = from; i < to; i++)
      into[start + count + i - from] = (timeMs[i] as number) - (lineMs + (i - from) * step);
  }
  if (valueWidth !== 0) {
    const { into, start } = arrayOf(page, values, valueWidth);
    previous = last;
    for (let i = from; i < to; i++) {
      into[start + count + i - from] = (value[i] as number) - previous;
      previous = value[i] as number;
    }
  }
  page.u32[(at + 5) * 2] = count + to - from;
  page.f64[at + 2] = timeMs[to - 1] as number;
  if (falls) page.u8[header + 6] = (page.u8[header + 6] as number) | FALLS;
  page.maxMs = Math.max(page.maxMs, timeMs[to - 1] as number);
  return true;
}

const fits = (difference: number, width: Width): boolean =>
  width === 0 ? difference === 0 : Math.abs(difference) < 2 ** (width * 8 - 1);

/** Of a chunk that holds differences. */
function lastValue(
  page: Page,
  values: Place,
  { at, count }: { readonly at: number; readonly count: number },
): number {
  let last = page.f64[at + 4] as number;
  if (values.width === 0) return last;
  const { into, start } = arrayOf(page, values.at, values.width);
  for (let i = 1; i < count; i++) last += into[start + i] as number;
  return last;
}

const HAS_NAN = 1;
const FALLS = 2;

/** The least width of differences between values, and what is worth knowing of them. */
function valueWidthOf(
  value: Float64Array,
  from: number,
  to: number,
): { readonly width: Width; readonly hasNaN: boolean; readonly falls: boolean } {
  let previous = value[from] as number;
  let whole = Number.isSafeInteger(previous) && !Object.is(previous, -0);
  let hasNaN = Number.isNaN(previous);
  let falls = false;
  let widest = 0;
  for (let i = from + 1; i < to; i++) {
    const v = value[i] as number;
    if (Number.isNaN(v)) hasNaN = true;
    if (v < previous) falls = true;
    whole &&= Number.isSafeInteger(v) && !Object.is(v, -0);
    if (whole) widest = Math.max(widest, Math.abs(v - previous));
    previous = v;
  }
  const width: Width = !whole || widest >= 2 ** 31 ? 8 : widthOf(widest);
  return { width, hasNaN, falls };
}

function widthOf(widest: number): Width {
  return widest === 0 ? 0 : widest < 128 ? 1 : widest < 32_768 ? 2 : 4;
}

interface Place {
  /** Word in the page. */
  readonly at: number;
  readonly width: Width;
}

function writeTimes(
  page: Page,
  { at, width, step }: Place & { readonly step: number },
  {
    timeMs,
    from,
    to,
  }: { readonly timeMs: Float64Array; readonly from: number; readonly to: number },
): void {
  if (width === 0) return;
  const firstMs = timeMs[from] as number;
  const { into, start } = arrayOf(page, at, width);
  for (let i = from; i < to; i++) {
    const t = timeMs[i] as number;
    into[start + i - from] = width === 8 ? t : t - (firstMs + (i - from) * step);
  }
}

function writeValues(
  page: Page,
  { at, width }: Place,
  { value, from, to }: { readonly value: Float64Array; readonly from: number; readonly to: number },
): void {
  if (width === 0) return;
  if (width === 8) {
    // A copy of memory: the bits of a NaN stay.
    page.f64.set(value.subarray(from, to), at);
    return;
  }
  const { into, start } = arrayOf(page, at, width);
  for (let i = from + 1; i < to; i++)
    into[start + i - from] = (value[i] as number) - (value[i - 1] as number);
}

function arrayOf(
  page: Page,
  at: number,
  width: Exclude<Width, 0>,
): { into: Float64Array | Int32Array | Int16Array | Int8Array; start: number } {
  const start = at * (8 / width);
  switch (width) {
    case 1:
      return { into: page.i8, start };
    case 2:
      return { into: page.i16, start };
    case 4:
      return { into: page.i32, start };
    case 8:
      return { into: page.f64, start };
  }
}

export interface ChunkInfo {
  previous: number;
  firstMs: number;
  lastMs: number;
  count: number;
  hasNaN: boolean;
  falls: boolean;
}

/** Whole numbers below 2³¹ are much faster than the remainder of a division of floats. */
export const pageNumber = (address: number): number => (address / PAGE_WORDS) | 0;

export const pageOf = (pages: PageTable, address: number): Page | undefined =>
  pages[pageNumber(address)];

/** Where in its page the chunk begins. */
export const wordOf = (address: number): number => (address - pageNumber(address) * PAGE_WORDS) | 0;

/** Reads the header of the chunk at `address` of `page` into `out`. */
export function chunkInfo(page: Page, address: number, out: ChunkInfo): void {
  const at = wordOf(address);
  out.previous = page.f64[at] as number;
  out.firstMs = page.f64[at + 1] as number;
  out.lastMs = page.f64[at + 2] as number;
  out.count = page.u32[(at + 5) * 2] as number;
  const flags = page.u8[(at + 5) * 8 + 6] as number;
  out.hasNaN = (flags & HAS_NAN) !== 0;
  out.falls = (flags & FALLS) !== 0;
}

/**
 * Writes the samples of the chunk that lie in the range, and maybe some around them, to `out` from row `to` on and
 * returns the row after the last.
 */
export function readChunk(
  page: Page,
  address: number,
  out: Samples,
  { to, afterMs, toMs }: { readonly to: number; readonly afterMs: number; readonly toMs: number },
): number {
  const at = wordOf(address);
  const count = page.u32[(at + 5) * 2] as number;
  const timeWidth = page.u8[(at + 5) * 8 + 4] as Width;
  const firstMs = page.f64[at + 1] as number;
  const step = page.f64[at + 3] as number;
  let first = 0;
  let last = count - 1;
  if (timeWidth <= GROWING_WIDTH_MAX && step > 0) {
    // Times are no further from the line than this.
    const missMs = timeWidth === 0 ? 0 : 2 ** (timeWidth * 8 - 1);
    if (firstMs + missMs <= afterMs)
      first = Math.min(count, Math.floor((afterMs - missMs - firstMs) / step) + 1) | 0;
    if ((page.f64[at + 2] as number) > toMs)
      last = Math.min(last, Math.floor((toMs + missMs - firstMs) / step)) | 0;
  }
  if (last < first) return to;
  const end = to + last + 1 - first;
  const times = at + HEADER_WORDS;
  const values = times + wordsFor(page.u8[(at + 5) * 8 + 7] as number, timeWidth);
  readTimes(page, { at, times, width: timeWidth }, out.timeMs, { first, to, end });
  readValues(page, { at, values }, out.value, { first, to, end });
  return end;
}

/** The sample `first` of the chunk goes to row `to`. */
interface Rows {
  readonly first: number;
  readonly to: number;
  readonly end: number;
}

/** One loop for each kind, over an array of a known kind: that is several times as fast as one for all. */
function readTimes(
  page: Page,
  chunk: { readonly at: number; readonly times: number; readonly width: Width },
  out: Float64Array,
  { first, to, end }: Rows,
): void {
  const { at, times, width } = chunk;
  const step = page.f64[at + 3] as number;
  let line = (page.f64[at + 1] as number) + first * step;
  switch (width) {
    case 0:
      for (let row = to; row < end; row++, line += step) out[row] = line;
      return;
    case 1: {
      const { i8 } = page;
      for (let row = to, from = times * 8 + first; row < end; row++, from++, line += step)
        out[row] = line + (i8[from] as number);
      return;
    }
    case 2: {
      const { i16 } = page;
      for (let row = to, from = times * 4 + first; row < end; row++, from++, line += step)
        out[row] = line + (i16[from] as number);
      return;
    }
    case 4: {
      const { i32 } = page;
      for (let row = to, from = times * 2 + first; row < end; row++, from++, line += step)
        out[row] = line + (i32[from] as number);
      return;
    }
    case 8: {
      const { f64 } = page;
      for (let row = to, from = times + first; row < end; row++, from++)
        out[row] = f64[from] as number;
    }
  }
}

function readValues(
  page: Page,
  { at, values }: { readonly at: number; readonly values: number },
  out: Float64Array,
  { first, to, end }: Rows,
): void {
  const width = page.u8[(at + 5) * 8 + 5] as Width;
  let value = page.f64[at + 4] as number;
  switch (width) {
    case 0:
      for (let row = to; row < end; row++) out[row] = value;
      return;
    case 1: {
      const { i8 } = page;
      const start = values * 8;
      for (let i = 1; i <= first; i++) value += i8[start + i] as number;
      out[to] = value;
      for (let row = to + 1, from = start + first + 1; row < end; row++, from++)
        out[row] = value += i8[from] as number;
      return;
    }
    case 2: {
      const { i16 } = page;
      const start = values * 4;
      for (let i = 1; i <= first; i++) value += i16[start + i] as number;
      out[to] = value;
      for (let row = to + 1, from = start + first + 1; row < end; row++, from++)
        out[row] = value += i16[from] as number;
      return;
    }
    case 4: {
      const { i32 } = page;
      const start = values * 2;
      for (let i = 1; i <= first; i++) value += i32[start + i] as number;
      out[to] = value;
      for (let row = to + 1, from = start + first + 1; row < end; row++, from++)
        out[row] = value += i32[from] as number;
      return;
    }
    case 8:
      // A copy of memory: the bits of a NaN stay.
      out.set(page.f64.subarray(values + first, values + first + end - to), to);
  }
}
