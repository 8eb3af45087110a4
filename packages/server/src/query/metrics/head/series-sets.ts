/**
 * The series of selectors that are asked for again and again, and their groups: dashboards and rules ask the same every
 * few seconds. Kept in memory that other threads can read, as long as the list they were found in stays the same.
 */
import type { FoldQuestion } from "@triptych/lang";
import type { GroupIds, Groups } from "./group-ids.ts";
import type { ListState } from "./posting-list.ts";
import type { IndexMatcher, SeriesIndex } from "./series-index.ts";

type Grouping = FoldQuestion["groups"];

/** The series of a selector, in the order of their labels unless that would take long. */
export interface SeriesSet {
  /** Each number means the same series for ten minutes. */
  readonly refs: Uint32Array;
  /** The group of each of them; `yield`s after each millisecond or two. */
  groups(grouping: Grouping): Generator<void, Groups>;
}

/** All sets together; who was not asked for longest goes. */
const BYTES_MAX = 32 * 2 ** 20;
/** Groupings of one set. */
const GROUPINGS_MAX = 4;

interface Known {
  readonly state: ListState;
  readonly refs: Uint32Array;
  readonly groups: Map<string, Groups>;
}

export class SeriesSets {
  private readonly index: SeriesIndex;
  private readonly groupIds: GroupIds;
  private readonly known = new Map<string, Known>();
  bytes = 0;

  constructor(index: SeriesIndex, groupIds: GroupIds) {
    this.index = index;
    this.groupIds = groupIds;
  }

  /** In steps of some milliseconds. */
  *of(matchers: readonly IndexMatcher[]): Generator<void, SeriesSet> {
    const key = JSON.stringify(matchers.map(({ name, op, value }) => [name, op, value]));
    const state = this.index.stateOf(matchers);
    const before = this.known.get(key);
    if (before !== undefined) {
      this.forget(key, before);
      if (state !== undefined && isSame(before.state, state)) return this.keep(key, before);
    }
    const refs = shared(yield* this.index.matching(matchers, true));
    const found = { state: state ?? NEVER_SAME, refs, groups: new Map() };
    return state === undefined ? this.setOf(found) : this.keep(key, found);
  }

  private keep(key: string, known: Known): SeriesSet {
    const twin = this.known.get(key);
    if (twin !== undefined) this.forget(key, twin);
    this.known.set(key, known);
    this.bytes += bytesOf(known);
    for (const [oldest, one] of this.known) {
      if (this.bytes <= BYTES_MAX) break;
      this.forget(oldest, one);
    }
    return this.setOf(known, key);
  }

  private forget(key: string, known: Known): void {
    if (this.known.delete(key)) this.bytes -= bytesOf(known);
  }

  private setOf(known: Known, key?: string): SeriesSet {
    const { groupIds, index } = this;
    const put = (id: string, groups: Groups): void => {
      const isKept = key !== undefined && this.known.get(key) === known;
      if (isKept) this.bytes -= bytesOf(known);
      if (known.groups.size >= GROUPINGS_MAX) known.groups.clear();
      known.groups.set(id, groups);
      if (isKept) this.bytes += bytesOf(known);
    };
    return {
      refs: known.refs,
      *groups(grouping) {
        const found = known.groups.get(grouping.id);
        if (found !== undefined) return found;
        const made = yield* groupIds.of(known.refs, grouping, index);
        const groups = { ...made, groupOf: shared(made.groupOf) };
        put(grouping.id, groups);
        return groups;
      },
    };
  }
}

/** A state that no list has. */
const NEVER_SAME: ListState = { list: undefined, count: -1, removals: -1, sorted: -1 };

const isSame = (a: ListState, b: ListState): boolean =>
  a.list === b.list && a.count === b.count && a.removals === b.removals && a.sorted === b.sorted;

const bytesOf = ({ refs, groups }: Known): number => refs.byteLength * (1 + groups.size) + 500;

function shared(from: Uint32Array): Uint32Array<SharedArrayBuffer> {
  const out = new Uint32Array(new SharedArrayBuffer(from.byteLength));
  out.set(from);
  return out;
}
