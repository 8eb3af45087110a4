/**
 * Which rows of which batches go into one block: batches that arrived together are merged, and a block holds rows of
 * one day only, because one insert must touch one partition.
 */
export interface Segment<B> {
  readonly batch: B;
  /** Row numbers, ascending. */
  readonly rows: Uint32Array;
}

const DAY_MS = 86_400_000;

/** The partition number of a day: 20261121. */
export function partitionOfDay(day: number): number {
  const date = new Date(day * DAY_MS);
  return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
}

/** Rows of several batches sorted into days. */
export class DaySplit<B> {
  private readonly days = new Map<number, Segment<B>[]>();

  /** Adds all rows of `batch`; `dayOf` gives each row's day. */
  add(batch: B, rows: number, dayOf: (row: number) => number): void {
    if (rows === 0) return;
    const first = dayOf(0);
    let same = 1;
    while (same < rows && dayOf(same) === first) same++;
    if (same === rows) this.push(first, { batch, rows: upTo(rows) });
    else this.addDays(batch, rows, dayOf);
  }

  private addDays(batch: B, rows: number, dayOf: (row: number) => number): void {
    const byDay = new Map<number, number[]>();
    let lastDay = dayOf(0);
    let last: number[] = [0];
    byDay.set(lastDay, last);
    for (let row = 1; row < rows; row++) {
      const day = dayOf(row);
      if (day !== lastDay) {
        lastDay = day;
        const known = byDay.get(day);
        last = known ?? [];
        if (known === undefined) byDay.set(day, last);
      }
      last.push(row);
    }
    for (const [day, list] of byDay) this.push(day, { batch, rows: Uint32Array.from(list) });
  }

  private push(day: number, segment: Segment<B>): void {
    const segments = this.days.get(day);
    if (segments === undefined) this.days.set(day, [segment]);
    else segments.push(segment);
  }

  /** Per day, chunks of at most `rowsMax` rows: what one Native block holds. */
  *chunks(rowsMax: number): Generator<{ partition: number; segments: Segment<B>[]; rows: number }> {
    for (const [day, segments] of this.days) {
      const partition = partitionOfDay(day);
      let open: Segment<B>[] = [];
      let count = 0;
      for (const { batch, rows } of segments) {
        for (let start = 0; start < rows.length; ) {
          const end = Math.min(rows.length, start + rowsMax - count);
          open.push({ batch, rows: rows.subarray(start, end) });
          count += end - start;
          start = end;
          if (count < rowsMax) continue;
          yield { partition, segments: open, rows: count };
          open = [];
          count = 0;
        }
      }
      if (count > 0) yield { partition, segments: open, rows: count };
    }
  }
}

function upTo(rows: number): Uint32Array {
  const out = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) out[row] = row;
  return out;
}
