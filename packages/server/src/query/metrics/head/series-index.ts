/**
 * Which series the head holds: their labels, and lists of series for each label and value. A series is a small number
 * (`ref`); numbers of series that went are used again only after a while, so that running queries meet no stranger.
 */
import { type LabelPair, type Labels, labelsOf } from "@triptych/lang";
import { assert } from "@triptych/model";
import { byLabelPairs } from "../series-order.ts";

export interface IndexMatcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
  readonly test: (value: string) => boolean;
}

export class SeriesIndex {
  private readonly labelsByRef: (Labels | undefined)[] = [];
  private hashLow = new Uint32Array(1024);
  private hashHigh = new Uint32Array(1024);
  /** Open addressing; -1 is free, -2 was used. */
  private table = new Int32Array(2048).fill(FREE);
  private tableUsed = 0;
  private readonly postings = new Map<string, Map<string, PostingList>>();
  private readonly gone: { readonly ref: number; readonly atMs: number }[] = [];
  size = 0;
  /** About how much memory labels and lists take. */
  bytes = 0;

  /** One more than the greatest ref there ever was. */
  get refs(): number {
    return this.labelsByRef.length;
  }

  labels(ref: number): Labels {
    const labels = this.labelsByRef[ref];
    assert(labels !== undefined, "the series is known");
    return labels;
  }

  has(ref: number): boolean {
    return this.labelsByRef[ref] !== undefined;
  }

  /** Whether `ref` is the series with this hash, now. */
  is(ref: number, low: number, high: number): boolean {
    return this.hashLow[ref] === low && this.hashHigh[ref] === high && this.has(ref);
  }

  id(ref: number): bigint {
    return (BigInt(this.hashHigh[ref] as number) << 32n) | BigInt(this.hashLow[ref] as number);
  }

  /** -1 when there is none. */
  find(low: number, high: number): number {
    const mask = this.table.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const ref = this.table[slot] as number;
      if (ref === FREE) return -1;
      if (ref >= 0 && this.hashLow[ref] === low && this.hashHigh[ref] === high) return ref;
    }
  }

  findId(id: bigint): number {
    return this.find(Number(id & 0xffff_ffffn), Number(id >> 32n));
  }

  /** `find` must have said that it is not there. */
  add(
    hash: { readonly low: number; readonly high: number },
    pairs: readonly LabelPair[],
    nowMs: number,
  ): number {
    const ref = this.newRef(nowMs);
    if (ref >= this.hashLow.length) {
      this.hashLow = grown(this.hashLow);
      this.hashHigh = grown(this.hashHigh);
    }
    this.hashLow[ref] = hash.low;
    this.hashHigh[ref] = hash.high;
    const lists = pairs.map(([name, value]) => this.listOf(name, value));
    // Pairs are shared by the series that have them.
    this.labelsByRef[ref] = labelsOf(lists.map(({ pair }) => pair));
    for (const list of lists) list.push(ref);
    this.size++;
    this.bytes += SERIES_BYTES + pairs.length * LABEL_BYTES;
    this.insert(ref);
    return ref;
  }

  /** Forgets series; their refs stay unused for a while. */
  remove(refs: readonly number[], nowMs: number): void {
    const touched = new Set<PostingList>();
    for (const ref of refs) {
      const { pairs } = this.labels(ref);
      for (const [name, value] of pairs) {
        const list = this.postings.get(name)?.get(value);
        if (list !== undefined) touched.add(list);
      }
      this.unlist(ref);
      this.labelsByRef[ref] = undefined;
      this.gone.push({ ref, atMs: nowMs });
      this.size--;
      this.bytes -= SERIES_BYTES + pairs.length * LABEL_BYTES;
    }
    // Lists of a million are looked through: what has no labels any more is gone.
    const isKept = (ref: number): boolean => this.labelsByRef[ref] !== undefined;
    for (const list of touched) {
      list.keep(isKept);
      if (list.count === 0) this.forget(list.pair);
    }
  }

  labelNames(): Iterable<string> {
    return this.postings.keys();
  }

  /** In no order. */
  labelValues(name: string): Iterable<string> {
    return this.postings.get(name)?.keys() ?? [];
  }

  /** The series that match all, in the order of their labels. Nobody may change the answer. */
  match(matchers: readonly IndexMatcher[]): Uint32Array {
    const { base, rest } = this.base(matchers);
    if (rest.length === 0) return base;
    const out = new Uint32Array(base.length);
    let count = 0;
    const tests = rest.map(({ name, op, value, test }) => {
      if (op === "=") return { name, test: (candidate: string) => candidate === value };
      const known = new Map<string, boolean>();
      return {
        name,
        test(candidate: string): boolean {
          let answer = known.get(candidate);
          if (answer === undefined) {
            answer = test(candidate);
            known.set(candidate, answer);
          }
          return answer;
        },
      };
    });
    const places = new Uint32Array(tests.length);
    for (const ref of base) {
      const { pairs } = this.labels(ref);
      let ok = true;
      for (let i = 0; ok && i < tests.length; i++) {
        const { name, test } = tests[i] as { name: string; test: (value: string) => boolean };
        // Series of one metric have the same names: the place is mostly that of the one before.
        const pair = pairs[places[i] as number];
        if (pair !== undefined && pair[0] === name) ok = test(pair[1]);
        else {
          const at = pairs.findIndex(([candidate]) => candidate === name);
          if (at >= 0) places[i] = at;
          ok = test(pairs[at]?.[1] ?? "");
        }
      }
      if (ok) out[count++] = ref;
    }
    return out.subarray(0, count);
  }

  /**
   * Makes the next `match` with these short: after very many series came, putting them in order takes seconds. Each
   * step takes some milliseconds. What is not done, `match` does.
   */
  *settle(matchers: readonly IndexMatcher[]): Generator<void> {
    const list = this.shortestList(matchers)?.list;
    if (list !== undefined) yield* list.settle(this.compare);
  }

  /** Of the matchers that ask for one value. */
  private shortestList(
    matchers: readonly IndexMatcher[],
  ): { list: PostingList | undefined; matcher: IndexMatcher } | undefined {
    let best: { list: PostingList; matcher: IndexMatcher } | undefined;
    for (const matcher of matchers) {
      if (matcher.op !== "=" || matcher.value === "") continue;
      const list = this.postings.get(matcher.name)?.get(matcher.value);
      if (list === undefined) return { list, matcher };
      if (best === undefined || list.count < best.list.count) best = { list, matcher };
    }
    return best;
  }

  /** The shortest list that holds all matches, and the matchers that are not said by it. */
  private base(matchers: readonly IndexMatcher[]): {
    base: Uint32Array;
    rest: readonly IndexMatcher[];
  } {
    const best = this.shortestList(matchers);
    if (best !== undefined) {
      const { list, matcher } = best;
      if (list === undefined) return { base: new Uint32Array(0), rest: [] };
      return { base: list.inOrder(this.compare), rest: matchers.filter((one) => one !== matcher) };
    }
    const asking = matchers.find((matcher) => !matcher.test(""));
    if (asking === undefined) return { base: this.all(), rest: matchers };
    const refs: number[] = [];
    for (const [value, list] of this.postings.get(asking.name) ?? [])
      if (asking.test(value)) for (const ref of list.inOrder(this.compare)) refs.push(ref);
    const sorted = Uint32Array.from(refs).sort(this.compare);
    return { base: sorted, rest: matchers.filter((one) => one !== asking) };
  }

  private all(): Uint32Array {
    const refs: number[] = [];
    for (let ref = 0; ref < this.labelsByRef.length; ref++) if (this.has(ref)) refs.push(ref);
    return Uint32Array.from(refs).sort(this.compare);
  }

  private readonly compare: Compare = (a, b) =>
    byLabelPairs(this.labels(a).pairs, this.labels(b).pairs);

  private listOf(name: string, value: string): PostingList {
    let values = this.postings.get(name);
    if (values === undefined) {
      values = new Map();
      this.postings.set(name, values);
    }
    let list = values.get(value);
    if (list === undefined) {
      list = new PostingList([name, value]);
      values.set(value, list);
      this.bytes += PAIR_BYTES + value.length;
    }
    return list;
  }

  private forget([name, value]: LabelPair): void {
    const values = this.postings.get(name);
    if (values?.delete(value)) this.bytes -= PAIR_BYTES + value.length;
    if (values?.size === 0) this.postings.delete(name);
  }

  private newRef(nowMs: number): number {
    const oldest = this.gone[0];
    if (oldest !== undefined && oldest.atMs < nowMs - REUSE_AFTER_MS) {
      this.gone.shift();
      return oldest.ref;
    }
    this.labelsByRef.push(undefined);
    return this.labelsByRef.length - 1;
  }

  private insert(ref: number): void {
    if (this.tableUsed * 2 >= this.table.length) this.rehash();
    const mask = this.table.length - 1;
    let slot = (this.hashLow[ref] as number) & mask;
    while ((this.table[slot] as number) !== FREE) slot = (slot + 1) & mask;
    this.table[slot] = ref;
    this.tableUsed++;
  }

  private unlist(ref: number): void {
    const mask = this.table.length - 1;
    let slot = (this.hashLow[ref] as number) & mask;
    while (this.table[slot] !== ref) slot = (slot + 1) & mask;
    this.table[slot] = WAS_USED;
  }

  /** Drops the marks of what was removed; grows when it must. */
  private rehash(): void {
    const old = this.table;
    let length = 2048;
    while (length < this.size * 4) length *= 2;
    this.table = new Int32Array(length).fill(FREE);
    this.tableUsed = 0;
    const mask = length - 1;
    for (const ref of old) {
      if (ref < 0) continue;
      let slot = (this.hashLow[ref] as number) & mask;
      while ((this.table[slot] as number) !== FREE) slot = (slot + 1) & mask;
      this.table[slot] = ref;
      this.tableUsed++;
    }
  }
}

const FREE = -1;
const WAS_USED = -2;
/** Longer than any query runs. */
const REUSE_AFTER_MS = 600_000;
const SERIES_BYTES = 120;
/** A place in the series' own list and one in the label's. */
const LABEL_BYTES = 16;
const PAIR_BYTES = 180;

type Compare = (a: number, b: number) => number;

/**
 * Refs in the order of their series' labels, made anew when somebody asks after series came. Most lists have one: it
 * is kept without an array, which would be several times as large as all else.
 */
class PostingList {
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
    if (this.count - this.sorted < SETTLED_MIN) return;
    const { removals, sorted } = this;
    const end = this.count;
    const isChanged = (): boolean => this.removals !== removals || this.sorted !== sorted;
    let runs: Uint32Array[] = [];
    for (let from = sorted; from < end; from += SORTED_AT_ONCE) {
      runs.push(this.refs.slice(from, Math.min(end, from + SORTED_AT_ONCE)).sort(compare));
      yield;
      if (isChanged()) return;
    }
    // What was in order before is long: it is taken last, once.
    while (runs.length > 0) {
      const isLast = runs.length === 1;
      const longer: Uint32Array[] = [];
      for (let i = 0; i < runs.length; i += 2) {
        const one = runs[i] as Uint32Array;
        const left = isLast ? this.refs.slice(0, sorted) : one;
        const right = isLast ? one : (runs[i + 1] ?? NONE);
        const out = new Uint32Array(left.length + right.length);
        for (const _ of merge(left, right, { out, compare })) {
          yield;
          if (isChanged()) return;
        }
        longer.push(out);
      }
      runs = longer;
      if (isLast) break;
    }
    const settled = new Uint32Array(this.refs.length);
    settled.set(runs[0] as Uint32Array);
    settled.set(this.refs.subarray(end, this.count), end);
    this.refs = settled;
    this.sorted = end;
  }

  private array(): Uint32Array {
    return this.refs === NONE && this.count === 1 ? Uint32Array.of(this.only) : this.refs;
  }
}

const NONE = new Uint32Array(0);
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

function grown(from: Uint32Array): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(from.length * 2);
  out.set(from);
  return out;
}
