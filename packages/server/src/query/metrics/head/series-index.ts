/**
 * Which series the head holds: their labels, and lists of series for each label and value. A series is a small number
 * (`ref`); numbers of series that went are used again only after a while, so that running queries meet no stranger.
 */
import { type LabelPair, type Labels, labelsOf } from "@triptych/lang";
import { assert, HashSlots, type SeriesTable } from "@triptych/model";
import { byLabelPairs } from "../series-order.ts";
import {
  type Compare,
  grown,
  KnownLists,
  type ListState,
  NONE,
  PostingList,
  sortInSteps,
} from "./posting-list.ts";
import { TextMap } from "./text-map.ts";

export interface IndexMatcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
  readonly test: (value: string) => boolean;
}

/** Of a label that one series alone has, that series. */
type Listed = PostingList | number;

interface Hash {
  readonly low: number;
  readonly high: number;
}

export class SeriesIndex {
  private readonly labelsByRef: (Labels | undefined)[] = [];
  private hashLow = new Uint32Array(1024);
  private hashHigh = new Uint32Array(1024);
  private readonly slots = new HashSlots();
  /** By name and value; most values are those of one series. */
  private readonly postings = new Map<string, TextMap<Listed>>();
  private readonly known = new KnownLists();
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

  /** `undefined` when the series went. */
  knownLabels(ref: number): Labels | undefined {
    return this.labelsByRef[ref];
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
    const { slots } = this;
    for (let ref = slots.first(low); ref >= 0; ref = slots.next())
      if (this.hashLow[ref] === low && this.hashHigh[ref] === high) return ref;
    return -1;
  }

  findId(id: bigint): number {
    return this.find(Number(id & 0xffff_ffffn), Number(id >> 32n));
  }

  /** `find` must have said that it is not there. */
  add(hash: Hash, pairs: readonly LabelPair[], nowMs: number): number {
    const ref = this.begin(hash, nowMs);
    return this.end(
      ref,
      pairs.map(([name, value]) => this.link(name, value, ref)),
    );
  }

  /** The same for a row of a batch: most of its labels are those of other rows, and need not be read as text. */
  addRow(table: SeriesTable, row: number, nowMs: number): number {
    const hash = { low: table.hashLow[row] as number, high: table.hashHigh[row] as number };
    const ref = this.begin(hash, nowMs);
    const from = table.offsets[row] as number;
    const to = table.offsets[row + 1] as number;
    const pairs = new Array<LabelPair>(to - from);
    for (let at = from; at < to; at++) {
      const known = this.known.find(table, at);
      known?.push(ref);
      pairs[at - from] = known === undefined ? this.linkEntry(table, at, ref) : known.pair;
    }
    return this.end(ref, pairs);
  }

  private linkEntry(table: SeriesTable, at: number, ref: number): LabelPair {
    const name = table.names.text(table.nameId[at] as number);
    const value = table.values.text(table.valueId[at] as number);
    const pair = this.link(name, value, ref);
    const list = this.postings.get(name)?.get(value);
    if (list instanceof PostingList) this.known.put(at, list);
    return pair;
  }

  private begin({ low, high }: Hash, nowMs: number): number {
    const ref = this.newRef(nowMs);
    if (ref >= this.hashLow.length) {
      this.hashLow = grown(this.hashLow);
      this.hashHigh = grown(this.hashHigh);
    }
    this.hashLow[ref] = low;
    this.hashHigh[ref] = high;
    return ref;
  }

  /** Pairs are shared by the series that have them. */
  private end(ref: number, pairs: readonly LabelPair[]): number {
    this.labelsByRef[ref] = labelsOf(pairs);
    this.size++;
    this.bytes += SERIES_BYTES + pairs.length * LABEL_BYTES;
    this.slots.add(this.hashLow[ref] as number, ref, this.hashLow);
    return ref;
  }

  /** Forgets series; their refs stay unused for a while. */
  remove(refs: readonly number[], nowMs: number): void {
    this.known.clear();
    const touched = new Set<PostingList>();
    for (const ref of refs) {
      const { pairs } = this.labels(ref);
      for (const pair of pairs) {
        const list = this.postings.get(pair[0])?.get(pair[1]);
        if (list === ref) this.forget(pair);
        else if (list instanceof PostingList) touched.add(list);
      }
      this.slots.remove(this.hashLow[ref] as number, ref);
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
    const steps = this.matching(matchers);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /**
   * The same in steps of some milliseconds. With `anyOrder` they are in the order in which they came where putting
   * them in order would take long.
   */
  *matching(matchers: readonly IndexMatcher[], anyOrder = false): Generator<void, Uint32Array> {
    const best = this.shortestList(matchers);
    if (best !== undefined) {
      const { list, matcher } = best;
      if (list === undefined) return NONE;
      const inOrder = !(anyOrder && list.isFarFromOrder);
      const base = inOrder ? list.inOrder(this.compare) : list.asTheyCame();
      return yield* this.only(
        base,
        matchers.filter((one) => one !== matcher),
      );
    }
    const asking = matchers.find((matcher) => !matcher.test(""));
    const all = asking === undefined ? this.all() : yield* this.withValue(asking);
    const rest = matchers.filter((one) => one !== asking);
    return yield* this.only(anyOrder ? all : yield* sortInSteps(all, this.compare), rest);
  }

  /** Of the series in `base`, which may be gone meanwhile, those that match. */
  private *only(
    base: Uint32Array,
    matchers: readonly IndexMatcher[],
  ): Generator<void, Uint32Array> {
    if (matchers.length === 0) return base;
    const out = new Uint32Array(base.length);
    let count = 0;
    const tests = matchers.map(({ name, op, value, test }) => {
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
    for (let at = 0; at < base.length; at++) {
      if (at % TESTED_AT_ONCE === TESTED_AT_ONCE - 1) yield;
      const ref = base[at] as number;
      const pairs = this.labelsByRef[ref]?.pairs;
      if (pairs === undefined) continue;
      let ok = true;
      for (let i = 0; ok && i < tests.length; i++) {
        const { name, test } = tests[i] as { name: string; test: (value: string) => boolean };
        // Series of one metric have the same names: the place is mostly that of the one before.
        const pair = pairs[places[i] as number];
        if (pair !== undefined && pair[0] === name) ok = test(pair[1]);
        else {
          const place = pairs.findIndex(([candidate]) => candidate === name);
          if (place >= 0) places[i] = place;
          ok = test(pairs[place]?.[1] ?? "");
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

  /** Of the list that `matching` looks through: as long as it is the same, so is the answer. `undefined`: there is none. */
  stateOf(matchers: readonly IndexMatcher[]): ListState | undefined {
    const list = this.shortestList(matchers)?.list;
    return list === undefined ? undefined : list.state;
  }

  /** Of the matchers that ask for one value. */
  private shortestList(
    matchers: readonly IndexMatcher[],
  ): { list: PostingList | undefined; matcher: IndexMatcher } | undefined {
    let best: { list: PostingList; matcher: IndexMatcher } | undefined;
    for (const matcher of matchers) {
      if (matcher.op !== "=" || matcher.value === "") continue;
      const list = this.listFor(matcher.name, matcher.value);
      if (list === undefined) return { list, matcher };
      if (best === undefined || list.count < best.list.count) best = { list, matcher };
    }
    return best;
  }

  private *withValue({ name, test }: IndexMatcher): Generator<void, Uint32Array> {
    let out = new Uint32Array(1024);
    let count = 0;
    let tested = 0;
    for (const [value, list] of this.postings.get(name)?.entries() ?? []) {
      if (++tested % VALUES_AT_ONCE === 0) yield;
      if (!test(value)) continue;
      if (typeof list === "number") {
        if (count === out.length) out = grown(out);
        out[count++] = list;
        continue;
      }
      while (count + list.count > out.length) out = grown(out);
      out.set(list.asTheyCame(), count);
      count += list.count;
    }
    return out.subarray(0, count);
  }

  private all(): Uint32Array {
    const out = new Uint32Array(this.size);
    let count = 0;
    for (let ref = 0; ref < this.labelsByRef.length; ref++) if (this.has(ref)) out[count++] = ref;
    return out;
  }

  private readonly compare: Compare = (a, b) =>
    byLabelPairs(this.labelsByRef[a]?.pairs ?? GONE, this.labelsByRef[b]?.pairs ?? GONE);

  /** Puts the series into the list of a label; the label as the list has it. */
  private link(name: string, value: string, ref: number): LabelPair {
    let values = this.postings.get(name);
    if (values === undefined) {
      values = new TextMap();
      this.postings.set(name, values);
    }
    const listed = values.get(value);
    if (listed === undefined) {
      values.set(value, ref);
      this.bytes += PAIR_BYTES + value.length;
      return [name, value];
    }
    const list = typeof listed === "number" ? this.listed(values, value, listed) : listed;
    list.push(ref);
    return list.pair;
  }

  /** The list of what was one series alone. */
  private listed(values: TextMap<Listed>, value: string, ref: number): PostingList {
    const pair = this.labels(ref).pairs.find((one) => values === this.postings.get(one[0]));
    assert(pair !== undefined, "a series has the labels in whose lists it is");
    const list = new PostingList(pair);
    list.push(ref);
    values.set(value, list);
    this.bytes += LIST_BYTES;
    return list;
  }

  private listFor(name: string, value: string): PostingList | undefined {
    const values = this.postings.get(name);
    const listed = values?.get(value);
    return values !== undefined && typeof listed === "number"
      ? this.listed(values, value, listed)
      : (listed as PostingList | undefined);
  }

  private forget([name, value]: LabelPair): void {
    const values = this.postings.get(name);
    if (values?.get(value) instanceof PostingList) this.bytes -= LIST_BYTES;
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
}

/** Of series that went while others were put in order. */
const GONE: readonly LabelPair[] = [];
const TESTED_AT_ONCE = 20_000;
const VALUES_AT_ONCE = 5_000;
/** Longer than any query runs. */
const REUSE_AFTER_MS = 600_000;
const SERIES_BYTES = 120;
/** A place in the series' own list and one in the label's. */
const LABEL_BYTES = 16;
const PAIR_BYTES = 110;
const LIST_BYTES = 70;
