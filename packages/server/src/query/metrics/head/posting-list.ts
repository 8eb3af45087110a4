/** Lists of series, and putting them in order without holding the event loop. */
import type { LabelPair } from "@triptych/lang";
import type { SeriesTable } from "@triptych/model";

export type Compare = (a: number, b: number) => number;

/** Equal as long as a list holds the same series in the same order. */
export interface ListState {
  readonly list: PostingList | undefined;
  readonly count: number;
  readonly removals: number;
  readonly sorted: number;
}

/**
 * Refs in the order of their series' labels, made anew when somebody asks after series came. Most lists have one: it
 * is kept without an array, which would be several times as large as all else.
 */
export class PostingList {
  readonly pair: LabelPair;
  count = 0;
  private only = 0;
  private refs: Uint32Array<ArrayBuffer> = NONE;
  /** So many of them, from the start, are in order. */
  private sorted = 0;
  private removals = 0;

  constructor(pair: LabelPair) {
    this.pair = pair;
  }

  push(ref: number): void {
    if (this.count === 0) this.only = ref;
    else {
      if (this.refs === NONE) this.refs = Uint32Array.of(this.only, 0, 0, 0);
      else if (this.count === this.refs.length) this.refs = grown(this.refs);
      this.refs[this.count] = ref;
    }
    this.count++;
  }

  get state(): ListState {
    const { count, removals, sorted } = this;
    return { list: this, count, removals, sorted };
  }

  get isFarFromOrder(): boolean {
    return this.count - this.sorted >= SETTLED_MIN;
  }

  /** Holds while series come; nobody may change it. */
  asTheyCame(): Uint32Array {
    return this.array().subarray(0, this.count);
  }

  /** Does not sort: series that are gone have no labels to be compared by. Readers of older answers keep theirs. */
  keep(isKept: (ref: number) => boolean): void {
    this.removals++;
    const refs = this.array();
    const kept = new Uint32Array(this.count);
    let count = 0;
    let sorted = 0;
    for (let at = 0; at < this.count; at++) {
      const ref = refs[at] as number;
      if (!isKept(ref)) continue;
      kept[count++] = ref;
      if (at < this.sorted) sorted = count;
    }
    this.sorted = sorted;
    this.count = count;
    this.only = kept[0] ?? 0;
    this.refs = count < 2 ? NONE : kept.slice(0, count);
  }

  /** Sorts what came since and puts it among the rest; readers of older answers keep theirs. */
  inOrder(compare: Compare): Uint32Array {
    if (this.refs === NONE) return this.array();
    if (this.sorted < this.count) {
      const came = this.refs.slice(this.sorted, this.count).sort(compare);
      const merged = new Uint32Array(this.refs.length);
      for (const _ of merge(this.refs.subarray(0, this.sorted), came, { out: merged, compare }));
      this.refs = merged;
      this.sorted = this.count;
    }
    return this.refs.subarray(0, this.count);
  }

  /**
   * Puts what is there now in order, step by step: pieces are sorted, then put together two by two. Ends early when
   * series go meanwhile, because those have no labels any more to be compared by.
   */
  *settle(compare: Compare): Generator<void> {
    if (!this.isFarFromOrder) return;
    const { removals, sorted } = this;
    const end = this.count;
    const isChanged = (): boolean => this.removals !== removals || this.sorted !== sorted;
    const sorting = sortInSteps(this.refs.slice(sorted, end), compare);
    let step = sorting.next();
    for (; step.done !== true; step = sorting.next()) {
      yield;
      if (isChanged()) return;
    }
    // What was in order before is long: it is taken last, once.
    const all = new Uint32Array(end);
    const before = this.refs.slice(0, sorted);
    for (const _ of merge(before, step.value, { out: all, compare })) {
      yield;
      if (isChanged()) return;
    }
    const settled = new Uint32Array(this.refs.length);
    settled.set(all);
    settled.set(this.refs.subarray(end, this.count), end);
    this.refs = settled;
    this.sorted = end;
  }

  private array(): Uint32Array {
    return this.refs === NONE && this.count === 1 ? Uint32Array.of(this.only) : this.refs;
  }
}

/** The lists of labels of a table that were asked for last, by the labels' numbers in it. */
export class KnownLists {
  private table: SeriesTable | undefined;
  private readonly names = new Int32Array(KNOWN);
  private readonly values = new Int32Array(KNOWN);
  private readonly lists: (PostingList | undefined)[] = new Array(KNOWN);

  /** Of the label at this place of the table's entries. */
  find(table: SeriesTable, at: number): PostingList | undefined {
    if (table !== this.table) {
      this.clear();
      this.table = table;
    }
    const name = table.nameId[at] as number;
    const value = table.valueId[at] as number;
    const slot = slotOf(name, value);
    const known = this.lists[slot];
    return this.names[slot] === name && this.values[slot] === value ? known : undefined;
  }

  /** What `find` did not find at that place. */
  put(at: number, list: PostingList): void {
    if (this.table === undefined) return;
    const name = this.table.nameId[at] as number;
    const value = this.table.valueId[at] as number;
    const slot = slotOf(name, value);
    this.names[slot] = name;
    this.values[slot] = value;
    this.lists[slot] = list;
  }

  /** Lists may have gone. */
  clear(): void {
    if (this.table === undefined) return;
    this.table = undefined;
    this.lists.fill(undefined);
  }
}

const slotOf = (name: number, value: number): number =>
  (Math.imul(value, 0x9e3779b1) >>> KNOWN_SHIFT) ^ (name & (KNOWN - 1));
/** The highest bits of a product are its best. */
const KNOWN_SHIFT = 20;
const KNOWN = 2 ** (32 - KNOWN_SHIFT);

/** Puts refs in order, piece by piece. */
export function* sortInSteps(refs: Uint32Array, compare: Compare): Generator<void, Uint32Array> {
  let runs: Uint32Array[] = [];
  for (let from = 0; from < refs.length; from += SORTED_AT_ONCE) {
    if (from > 0) yield;
    runs.push(refs.slice(from, from + SORTED_AT_ONCE).sort(compare));
  }
  while (runs.length > 1) {
    const longer: Uint32Array[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const left = runs[i] as Uint32Array;
      const right = runs[i + 1];
      if (right === undefined) {
        longer.push(left);
        continue;
      }
      const out = new Uint32Array(left.length + right.length);
      for (const _ of merge(left, right, { out, compare })) yield;
      longer.push(out);
    }
    runs = longer;
  }
  return runs[0] ?? NONE;
}

export const NONE = new Uint32Array(0);
/** Fewer are put in order at once. */
const SETTLED_MIN = 2_000;
/** Takes some milliseconds. */
const SORTED_AT_ONCE = 4_000;
const MERGED_AT_ONCE = 1_000;

/**
 * Writes both, which are in order, into `out` in order; those of `left` first where they are equal. Stops after each
 * piece. Stretches of `left` without one of `right` between them are not looked at one by one.
 */
function* merge(
  left: Uint32Array,
  right: Uint32Array,
  { out, compare }: { readonly out: Uint32Array; readonly compare: Compare },
): Generator<void> {
  let from = 0;
  let at = 0;
  let merged = 0;
  for (const ref of right) {
    const isNext = from === left.length || compare(left[from] as number, ref) > 0;
    const to = isNext ? from : placeAmong(left, ref, { from: from + 1, compare });
    // A short stretch is copied faster by hand.
    if (to - from < COPIED_BY_HAND) for (; from < to; from++) out[at++] = left[from] as number;
    else {
      out.set(left.subarray(from, to), at);
      at += to - from;
      from = to;
    }
    out[at++] = ref;
    if (++merged % MERGED_AT_ONCE === 0) yield;
  }
  out.set(left.subarray(from), at);
}

const COPIED_BY_HAND = 16;

/** The first place from `from` on whose ref comes later than `ref`; near ones are found with few comparisons. */
function placeAmong(
  refs: Uint32Array,
  ref: number,
  { from, compare }: { readonly from: number; readonly compare: Compare },
): number {
  let low = from;
  let high = from;
  for (let far = 1; high < refs.length && compare(refs[high] as number, ref) <= 0; far *= 2) {
    low = high + 1;
    high = Math.min(refs.length, low + far);
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(refs[middle] as number, ref) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function grown(from: Uint32Array): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(from.length * 2);
  out.set(from);
  return out;
}
