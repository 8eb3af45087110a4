/**
 * Which group each series belongs to, for the groupings that queries ask for again and again: dashboards and rules. Made
 * when a query needs it, kept for the next one.
 */
import { type FoldQuestion, type Labels, labelsOf } from "@triptych/lang";
import type { SeriesIndex } from "./series-index.ts";

type Grouping = FoldQuestion["groups"];

/** Groupings that are kept; who was not asked for longest goes. */
const KEPT_MAX = 12;
/** A grouping with more groups than this is not kept: it may be one for each series that ever was. */
const GROUPS_MAX = 100_000;
const BYTES_PER_GROUP = 200;

interface Known {
  /** One more than the group, for each ref; 0: not known. */
  ids: Uint32Array;
  readonly byKey: Map<string, number>;
  readonly labels: Labels[];
}

/** The groups of some series. */
export interface Groups {
  /** For each series, the place of its group in `labels`. */
  readonly groupOf: Uint32Array;
  readonly labels: readonly Labels[];
}

export class GroupIds {
  private readonly known = new Map<string, Known>();

  /** About how much memory is held. */
  get bytes(): number {
    let bytes = 0;
    for (const { ids, labels } of this.known.values())
      bytes += ids.byteLength + labels.length * BYTES_PER_GROUP;
    return bytes;
  }

  /** The ref is that of another series from now on. */
  renew(ref: number): void {
    for (const { ids } of this.known.values()) if (ref < ids.length) ids[ref] = 0;
  }

  /** Of these series; `yield`s after some of them, because making texts for very many takes long. */
  *of(
    refs: Uint32Array,
    grouping: Grouping,
    index: Pick<SeriesIndex, "refs" | "knownLabels">,
  ): Generator<void, Groups> {
    const all = this.take(grouping.id, index.refs);
    const groupOf = new Uint32Array(refs.length);
    const labels: Labels[] = [];
    /** Places in `labels`, one more, for each group there ever was. */
    let places = new Uint32Array(all.labels.length + 1);
    let made = 0;
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i] as number;
      let id = all.ids[ref] as number;
      if (id === 0) {
        // Of one that went meanwhile no sample is looked at.
        id = idOf(all, grouping, index.knownLabels(ref) ?? NO_LABELS);
        all.ids[ref] = id;
        if (++made % MADE_AT_ONCE === 0) yield;
      }
      // Others may have made groups, and found these series' places, while this one let them.
      if (id >= places.length) places = grown(places, id);
      if (places[id] === 0) places[id] = labels.push(all.labels[id - 1] as Labels);
      groupOf[i] = (places[id] as number) - 1;
    }
    if (all.labels.length > GROUPS_MAX) this.known.delete(grouping.id);
    return { groupOf, labels };
  }

  private take(id: string, refsEnd: number): Known {
    let found = this.known.get(id);
    if (found === undefined) found = { ids: new Uint32Array(0), byKey: new Map(), labels: [] };
    // Two queries may fill one grouping in turns: its array grows in place of the old one.
    if (found.ids.length < refsEnd) {
      const ids = new Uint32Array(Math.ceil(refsEnd * 1.25));
      ids.set(found.ids);
      found.ids = ids;
    }
    this.known.delete(id);
    this.known.set(id, found);
    if (this.known.size > KEPT_MAX) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    return found;
  }
}

const NO_LABELS = labelsOf([]);
/** Texts are put together for each of these: a millisecond or two. */
const MADE_AT_ONCE = 2_000;

function idOf(all: Known, { keyOf, labelsOf }: Grouping, labels: Labels): number {
  const key = keyOf(labels);
  let id = all.byKey.get(key);
  if (id === undefined) {
    id = all.labels.push(labelsOf(labels));
    all.byKey.set(key, id);
  }
  return id;
}

function grown(from: Uint32Array, reach: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(Math.max(reach + 1, from.length * 2));
  out.set(from);
  return out;
}
