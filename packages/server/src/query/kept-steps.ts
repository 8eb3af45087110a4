/**
 * The values of range queries are kept: who asks again a little later, as every dashboard does that refreshes, gets the
 * steps of before from here, and only the new ones are computed. A kept step is used as long as no row came that is as
 * old as the step or older, so that the answer is the one that computing all of it would give.
 *
 * Only for expressions whose value at a step depends on rows up to the step and on nothing else: not on where the range
 * begins or ends, and on nothing that comes after the step. The caller knows (`promql/kept.ts`, `logql/kept.ts`).
 */
import { compareLabels, type Grid, isEmptyRow, type Row } from "@triptych/lang";
import type { Changes, ChangedSignal, Mark } from "../journal/changes.ts";

export interface KeptQuestion {
  /** What decides the values beside the steps: text and options. */
  readonly key: string;
  readonly signal: ChangedSignal;
  readonly grid: Grid;
}

export interface ComputedRows {
  readonly rows: readonly Row[];
  /** False when something of the answer is not in the rows, as its notes are. */
  readonly mayKeep: boolean;
}

export interface KeptSteps {
  /**
   * Rows of all steps of the question's grid, each with a value at least, in the order of their labels: `compute` is called once, with all of them or
   * with the last ones. Rows are shared with later answers, so nobody may change them. `pause` is called often.
   */
  rows(
    question: KeptQuestion,
    compute: (grid: Grid) => Promise<ComputedRows>,
    pause?: () => Promise<void> | undefined,
  ): Promise<readonly Row[]>;
  readonly bytes: number;
  /** Steps of answers that were there, and that were computed. */
  readonly counts: { readonly reused: number; readonly computed: number };
}

interface Entry {
  readonly grid: Grid;
  readonly rows: readonly Row[];
  readonly mark: Mark;
  readonly bytes: number;
}

/** An answer of more than this share of all would push out too many others. */
const ENTRY_SHARE = 1 / 4;
const BYTES_PER_ENTRY = 500;
/** Its arrays' own objects; labels are shared with other rows more often than not. */
const BYTES_PER_ROW = 400;
const BYTES_PER_VALUE = 9;
/** Steps of the grid that must be there already: fewer are not worth putting together. */
const KEPT_SHARE_MIN = 1 / 4;

export function createKeptSteps(changes: Changes, bytesMax: number): KeptSteps {
  /** In the order in which they were used last. */
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const counts = { reused: 0, computed: 0 };
  const remove = (key: string): void => {
    const known = entries.get(key);
    if (known === undefined) return;
    entries.delete(key);
    bytes -= known.bytes;
  };
  const keep = (key: string, entry: Omit<Entry, "bytes">): void => {
    remove(key);
    const size = bytesOf(key, entry);
    if (size > bytesMax * ENTRY_SHARE) return;
    entries.set(key, { ...entry, bytes: size });
    bytes += size;
    for (const oldest of entries.keys()) {
      if (bytes <= bytesMax) return;
      remove(oldest);
    }
  };
  /** How many steps of the grid, from its first one, the entry has. */
  const usable = (entry: Entry, { grid, signal }: KeptQuestion): number => {
    const before = (grid.startMs - entry.grid.startMs) / grid.stepMs;
    if (before < 0) return 0;
    const oldestMs = changes.oldestSince(entry.mark, signal);
    // A row of a step's own time counts at the step.
    const untouched = Math.ceil((oldestMs - grid.startMs) / grid.stepMs);
    const there = Math.min(grid.count, entry.grid.count - before, untouched);
    return there < grid.count * KEPT_SHARE_MIN ? 0 : there;
  };
  return {
    get bytes() {
      return bytes;
    },
    counts,
    async rows(question, compute, pause = () => undefined) {
      const { grid } = question;
      const key = keyOf(question);
      const mark = changes.mark();
      const entry = entries.get(key);
      const there = entry === undefined || mark === undefined ? 0 : usable(entry, question);
      counts.reused += there;
      counts.computed += grid.count - there;
      const before = there === 0 ? undefined : entry;
      if (before !== undefined && there === grid.count)
        return isSame(before.grid, grid) ? before.rows : joined(before, [], { grid, there, pause });
      const rest = {
        ...grid,
        startMs: grid.startMs + there * grid.stepMs,
        count: grid.count - there,
      };
      const { rows, mayKeep } = await compute(rest);
      const all = before === undefined ? rows : await joined(before, rows, { grid, there, pause });
      if (mark !== undefined && mayKeep) keep(key, { grid, rows: all, mark });
      else remove(key);
      return all;
    },
  };
}

/** Grids whose steps are the same instants have the same key. */
function keyOf({ key, signal, grid: { startMs, stepMs } }: KeptQuestion): string {
  return JSON.stringify([signal, stepMs, startMs % stepMs, key]);
}

function bytesOf(key: string, { rows, grid }: Omit<Entry, "bytes">): number {
  return BYTES_PER_ENTRY + key.length * 2 + keptBytes(rows.length, grid);
}

/** What rows of floats take. */
export const keptBytes = (rows: number, { count }: Grid): number =>
  rows * (BYTES_PER_ROW + count * BYTES_PER_VALUE);

const isSame = (a: Grid, b: Grid): boolean => a.startMs === b.startMs && a.count === b.count;

/** The first `there` steps from the entry, the others from rows that were computed for them. */
async function joined(
  entry: Entry,
  rows: readonly Row[],
  how: {
    readonly grid: Grid;
    readonly there: number;
    readonly pause: () => Promise<void> | undefined;
  },
): Promise<readonly Row[]> {
  const { grid, there, pause } = how;
  const place = {
    from: (grid.startMs - entry.grid.startMs) / grid.stepMs,
    there,
    count: grid.count,
  };
  const newer = new Map(rows.map((row) => [row.labels.key, row]));
  const out: Row[] = [];
  for (const old of entry.rows) {
    const row = rowOf(old, newer.get(old.labels.key), place);
    newer.delete(old.labels.key);
    if (!isEmptyRow(row)) out.push(row);
    const paused = pause();
    if (paused !== undefined) await paused;
  }
  for (const row of newer.values()) out.push(rowOf(undefined, row, place));
  return newer.size === 0 ? out : out.sort((a, b) => compareLabels(a.labels, b.labels));
}

function rowOf(
  old: Row | undefined,
  newer: Row | undefined,
  { from, there, count }: { readonly from: number; readonly there: number; readonly count: number },
): Row {
  const { labels, dropName } = (newer ?? old) as Row;
  const kind = new Uint8Array(count);
  const value = new Float64Array(count);
  let histograms: Row["histograms"];
  if (old !== undefined) {
    kind.set(old.kind.subarray(from, from + there));
    value.set(old.value.subarray(from, from + there));
    if (old.histograms !== undefined) {
      histograms = old.histograms.slice(from, from + there);
      histograms.length = count;
    }
  }
  if (newer !== undefined) {
    kind.set(newer.kind, there);
    value.set(newer.value, there);
    if (newer.histograms !== undefined) {
      histograms ??= new Array<undefined>(count);
      for (const [step, histogram] of newer.histograms.entries())
        histograms[there + step] = histogram;
    }
  }
  return { labels, dropName, kind, value, histograms };
}
