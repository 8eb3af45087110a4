/** An aggregation of a leaf of a query over series of the head: what a thread beside the event loop is asked. */
import {
  createFold,
  type FoldOp,
  leafKernel,
  leafRow,
  type LeafFunction,
  type LeafSteps,
  SampleScratch,
} from "@triptych/lang";
import type { Pages } from "./pages.ts";
import { SampleReader } from "./sample-reader.ts";
import { readUnchanged } from "./shared-tables.ts";
import { placeOf, slabOf, type Slabs } from "./slabs.ts";

export interface LeafJob {
  readonly leaf: LeafFunction;
  readonly steps: LeafSteps;
  readonly refs: Uint32Array;
  readonly op: FoldOp;
  /** The group of each series. */
  readonly groupOf: Uint32Array;
  readonly groups: number;
  readonly samplesMax: number;
  /** Not zero when nobody waits any more. */
  readonly cancelled: Int32Array;
}

export interface LeafGroups {
  readonly kind: "groups";
  /** Values of one group after the other, each as long as there are steps. */
  readonly has: Uint8Array;
  readonly value: Float64Array;
  /** The place of each group's first series with a value, one more; 0 when no series has one. */
  readonly firsts: Uint32Array;
  readonly samples: number;
}

export type LeafResult =
  | LeafGroups
  | { readonly kind: "too_many"; readonly samples: number }
  /** Memory that was made meanwhile has not been told of yet. */
  | { readonly kind: "behind" }
  /** There are histograms among the samples, or nobody waits. */
  | { readonly kind: "none" };

export interface Tables {
  readonly pages: Pages;
  readonly slabs: Slabs;
  readonly version: Int32Array;
}

const CHECKED_EVERY = 64;

export function runLeafJob(tables: Tables, job: LeafJob): LeafResult {
  const { refs, steps } = job;
  const kernel = leafKernel(job.leaf, steps);
  if (kernel === undefined) return { kind: "none" };
  const reader = new OneReader(tables, steps);
  const row = leafRow(steps.steps);
  const into = new Groups(job);
  for (let place = 0; place < refs.length; place++) {
    if (place % CHECKED_EVERY === 0 && Atomics.load(job.cancelled, 0) !== 0)
      return { kind: "none" };
    const found = reader.read(refs[place] as number);
    if (found === "empty") continue;
    if (found !== "read") return { kind: found };
    if (reader.samples > job.samplesMax) return { kind: "too_many", samples: reader.samples };
    row.kind.fill(0);
    if (kernel(reader, row)) into.add(place, row);
  }
  return into.result(reader.samples);
}

/** Reads one series after the other; what it read is in its properties. */
class OneReader {
  timeMs: Float64Array = new Float64Array(0);
  value: Float64Array = new Float64Array(0);
  hasNaN = false;
  falls = false;
  /** Of all series. */
  samples = 0;
  private readonly tables: Tables;
  private readonly reader: SampleReader;
  private readonly scratch = new SampleScratch();
  private readonly range: { readonly afterMs: number; readonly toMs: number };
  private ref = 0;

  constructor(tables: Tables, { endMs, rangeMs, stepMs, steps }: LeafSteps) {
    this.tables = tables;
    this.reader = new SampleReader(tables.pages.current, tables.slabs);
    this.range = { afterMs: endMs - rangeMs, toMs: endMs + (steps - 1) * stepMs };
  }

  read(ref: number): "read" | "empty" | "behind" | "none" {
    this.ref = ref;
    const found = readUnchanged(this.tables.version, this.attempt);
    if (found === "read") this.samples += this.timeMs.length;
    return found;
  }

  private readonly attempt = (): ReturnType<OneReader["read"]> => {
    const { reader, range, scratch, ref } = this;
    const { slabs, pages } = this.tables;
    const slab = slabs.table[slabOf(ref)];
    if (slab === undefined) return "behind";
    const place = placeOf(ref);
    if ((slab.lastHistogramMs[place] as number) > range.afterMs) return "none";
    if ((slab.lastMs[place] as number) <= range.afterMs) return "empty";
    reader.isBehind = false;
    const { end, hasNaN, falls } = reader.read(ref, pages.current, { range, scratch, at: 0 });
    if (reader.isBehind) return "behind";
    const { timeMs, value } = scratch.view(end);
    this.timeMs = timeMs;
    this.value = value;
    this.hasNaN = hasNaN;
    this.falls = falls;
    return end === 0 ? "empty" : "read";
  };
}

type RowLike = ReturnType<typeof leafRow>;

class Groups {
  private readonly groupOf: Uint32Array;
  private readonly folds: (ReturnType<typeof createFold> | undefined)[];
  private readonly firsts: Uint32Array<ArrayBuffer>;
  private readonly op: FoldOp;
  private readonly steps: number;

  constructor({ op, groupOf, groups, steps }: LeafJob) {
    this.groupOf = groupOf;
    this.folds = new Array(groups).fill(undefined);
    this.firsts = new Uint32Array(groups);
    this.op = op;
    this.steps = steps.steps;
  }

  add(place: number, row: RowLike): void {
    const group = this.groupOf[place] as number;
    let fold = this.folds[group];
    if (fold === undefined) {
      fold = createFold(this.op, this.steps);
      this.folds[group] = fold;
      this.firsts[group] = place + 1;
    }
    fold.add(row);
  }

  result(samples: number): LeafResult {
    const { steps, folds } = this;
    const has = new Uint8Array(folds.length * steps);
    const value = new Float64Array(folds.length * steps);
    for (const [group, fold] of folds.entries()) {
      if (fold === undefined) continue;
      const row = leafRow(steps);
      fold.finish(row);
      has.set(row.kind, group * steps);
      value.set(row.value, group * steps);
    }
    return { kind: "groups", has, value, firsts: this.firsts, samples };
  }
}
