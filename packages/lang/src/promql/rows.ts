/**
 * Values of all steps of a query: one row for each series, with typed arrays as long as the query has steps. Every
 * operation gives new rows; rows may share arrays, so nobody changes one that he did not make.
 */
import type { Histogram } from "./histogram.ts";
import type { Labels } from "./labels.ts";
import { queryFailed } from "./failure.ts";

export const NONE = 0;
export const FLOAT = 1;
export const HISTOGRAM = 2;

export interface Row {
  readonly labels: Labels;
  /** The name is taken away when the query is done. */
  readonly dropName: boolean;
  /** `NONE`, `FLOAT` or `HISTOGRAM` for each step. */
  readonly kind: Uint8Array;
  readonly value: Float64Array;
  readonly histograms: (Histogram | undefined)[] | undefined;
}

export interface RowBuilder extends Row {
  histograms: (Histogram | undefined)[] | undefined;
}

export function newRow(labels: Labels, dropName: boolean, steps: number): RowBuilder {
  return {
    labels,
    dropName,
    kind: new Uint8Array(steps),
    value: new Float64Array(steps),
    histograms: undefined,
  };
}

export function putValue(row: RowBuilder, step: number, value: number | Histogram): void {
  if (typeof value === "number") {
    row.kind[step] = FLOAT;
    row.value[step] = value;
    return;
  }
  row.kind[step] = HISTOGRAM;
  row.histograms ??= new Array<Histogram | undefined>(row.kind.length);
  row.histograms[step] = value;
}

export function valueAt(row: Row, step: number): number | Histogram | undefined {
  const kind = row.kind[step];
  if (kind === FLOAT) return row.value[step] as number;
  return kind === HISTOGRAM ? row.histograms?.[step] : undefined;
}

export function isEmpty(row: Row): boolean {
  for (let step = 0; step < row.kind.length; step++) if (row.kind[step] !== NONE) return false;
  return true;
}

export const SAME_LABELS = "vector cannot contain metrics with the same labelset";

/** Rows of an operation's result, by their labels. */
export class RowSet {
  readonly rows: RowBuilder[] = [];
  private readonly byKey = new Map<string, RowBuilder>();
  private readonly steps: number;

  constructor(steps: number) {
    this.steps = steps;
  }

  /**
   * Two values at one step for the same labels are an error. A query of one step may have them until its end, where
   * the names are gone.
   */
  put(
    labels: Labels,
    at: { readonly step: number; readonly dropName: boolean },
    value: number | Histogram,
  ): void {
    let row = this.byKey.get(labels.key);
    if (row !== undefined && row.kind[at.step] !== NONE) {
      if (this.steps > 1) throw queryFailed(SAME_LABELS);
      row = undefined;
    }
    if (row === undefined) {
      row = newRow(labels, at.dropName, this.steps);
      this.byKey.set(labels.key, row);
      this.rows.push(row);
    }
    putValue(row, at.step, value);
  }

  /** Takes a whole row, which nobody may change after. */
  adopt(row: RowBuilder): void {
    if (!this.byKey.has(row.labels.key)) {
      this.byKey.set(row.labels.key, row);
      this.rows.push(row);
      return;
    }
    for (let step = 0; step < row.kind.length; step++) {
      const value = valueAt(row, step);
      if (value !== undefined) this.put(row.labels, { step, dropName: row.dropName }, value);
    }
  }
}

/** Puts rows with the same labels together; values at one step for the same labels are an error. */
export function mergeSame(rows: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  const copies = new Set<Row>();
  for (const row of rows) {
    const { key } = row.labels;
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, row);
      continue;
    }
    const into: RowBuilder = copies.has(known) ? (known as RowBuilder) : copyOf(known);
    copies.add(into);
    byKey.set(key, into);
    for (let step = 0; step < row.kind.length; step++) {
      const value = valueAt(row, step);
      if (value === undefined) continue;
      if (into.kind[step] !== NONE) throw queryFailed(SAME_LABELS);
      putValue(into, step, value);
    }
  }
  return byKey.size === rows.length ? [...rows] : [...byKey.values()];
}

function copyOf(row: Row): RowBuilder {
  return {
    ...row,
    kind: row.kind.slice(),
    value: row.value.slice(),
    histograms: row.histograms?.slice(),
  };
}
