/** The vertical axis of a heat map: rows between ascending bounds, the last one open. Positions count rows from below. */

/** Where a duration stands, in rows and fractions of rows, logarithmic inside a row. */
export function rowPosition(boundsNs: readonly number[], ns: number): number {
  const first = boundsNs[0] ?? 0;
  if (boundsNs.length === 0 || ns <= first) return 0;
  for (let row = 0; row < boundsNs.length; row++) {
    const low = Math.max(1, boundsNs[row] ?? 1);
    const high = upperBound(boundsNs, row);
    if (ns < high) return row + Math.max(0, Math.log(ns / low) / Math.log(high / low));
  }
  return boundsNs.length;
}

/** The inverse of `rowPosition`. */
export function durationAt(boundsNs: readonly number[], position: number): number {
  const row = Math.max(0, Math.min(boundsNs.length - 1, Math.floor(position)));
  const low = Math.max(1, boundsNs[row] ?? 1);
  const share = Math.max(0, Math.min(1, position - row));
  return low * (upperBound(boundsNs, row) / low) ** share;
}

/** The next bound; for the open last row as much again as the one before. */
function upperBound(boundsNs: readonly number[], row: number): number {
  const next = boundsNs[row + 1];
  if (next !== undefined) return next;
  const low = Math.max(1, boundsNs[row] ?? 1);
  const before = boundsNs[row - 1];
  return before !== undefined && before > 0 ? low * (low / before) : low * 2;
}

export type HeatCells = readonly (readonly (readonly [
  row: number,
  count: number,
  errors: number,
])[])[];

/** The rows worth drawing: those used, one more at each side, at least `rowsMin`. */
export function usedRows(
  cells: HeatCells,
  rows: number,
  rowsMin: number,
): { readonly low: number; readonly high: number } {
  let low = rows;
  let high = 0;
  for (const column of cells) {
    for (const [row] of column) {
      low = Math.min(low, row);
      high = Math.max(high, row + 1);
    }
  }
  if (low >= high) return { low: 0, high: Math.max(1, rows) };
  low = Math.max(0, low - 1);
  high = Math.min(rows, high + 1);
  while (high - low < Math.min(rowsMin, rows)) {
    if (high < rows) high++;
    else low--;
  }
  return { low, high };
}

export interface HeatSummary {
  readonly total: number;
  readonly errors: number;
  readonly medianNs: number;
  /** Lower bound of the highest used row. */
  readonly slowestNs: number;
}

export function summarise(boundsNs: readonly number[], cells: HeatCells): HeatSummary {
  const rows = new Float64Array(boundsNs.length + 1);
  let total = 0;
  let errors = 0;
  for (const column of cells) {
    for (const [row, count, failed] of column) {
      rows[row] = (rows[row] ?? 0) + count;
      total += count;
      errors += failed;
    }
  }
  let seen = 0;
  let medianNs = 0;
  let slowestNs = 0;
  for (let row = 0; row < boundsNs.length; row++) {
    const count = rows[row] ?? 0;
    if (count === 0) continue;
    if (seen < total / 2 && seen + count >= total / 2)
      medianNs = durationAt(boundsNs, row + (total / 2 - seen) / count);
    seen += count;
    slowestNs = boundsNs[row] ?? 0;
  }
  return { total, errors, medianNs, slowestNs };
}
