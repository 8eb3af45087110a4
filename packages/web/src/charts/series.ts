/** Arithmetic on the values of series: runs, gaps, figures for the table. A null is no data and never a zero. */

export type Values = readonly (number | null)[];

export interface Figures {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly last: number;
}

/** Undefined when there is no value at all. */
export function figuresOf(values: Values): Figures | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  let last = Number.NaN;
  for (const value of values) {
    if (value === null || Number.isNaN(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
    last = value;
  }
  return count === 0 ? undefined : { min, mean: sum / count, max, last };
}

/** Stretches of values without a null, as [first, last] indices. */
export function runsOf(values: Values): [number, number][] {
  const runs: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= values.length; i++) {
    const has = i < values.length && values[i] !== null && !Number.isNaN(values[i]);
    if (has && start < 0) start = i;
    if (!has && start >= 0) {
      runs.push([start, i - 1]);
      start = -1;
    }
  }
  return runs;
}

/** Stretches where no series has a value although some had before and some have after: holes, not edges. */
export function gapsOf(all: readonly Values[]): [number, number][] {
  const length = Math.max(0, ...all.map((values) => values.length));
  const any = Array.from({ length }, (_, i) =>
    all.some((values) => typeof values[i] === "number") ? 1 : null,
  );
  const runs = runsOf(any);
  return runs.slice(1).map(([start], i): [number, number] => [(runs[i]?.[1] ?? 0) + 1, start - 1]);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface Move {
  readonly series: number;
  readonly last: number;
  /** Median of the first values. */
  readonly before: number;
  readonly ratio: number;
  /** Step where it crossed half way. */
  readonly since: number;
}

/** Fewer points make no "before". */
const pointsMin = 9;
/** How much of the beginning is "before": little, so that what changed early in the range is seen. */
const firstShare = 0.08;
/** A series with more holes than this says too little about how it moved. */
const presentShareMin = 0.7;
const ratioMin = 1.5;

/** The series that moved most between the start and the end of the range; undefined when none did. */
export function biggestMove(all: readonly Values[]): Move | undefined {
  let best: Move | undefined;
  all.forEach((values, series) => {
    const present = values.flatMap((value, i) =>
      value === null || Number.isNaN(value) ? [] : [[i, value] as const],
    );
    const stretch = (present.at(-1)?.[0] ?? 0) - (present[0]?.[0] ?? 0) + 1;
    if (present.length < pointsMin || present.length < stretch * presentShareMin) return;
    const first = Math.max(3, Math.floor(present.length * firstShare));
    const before = median(present.slice(0, first).map(([, value]) => value));
    const last = median(present.slice(-3).map(([, value]) => value));
    if (!(before > 0) || !(last > 0)) return;
    const ratio = last / before;
    if (Math.max(ratio, 1 / ratio) < ratioMin) return;
    if (best !== undefined && Math.max(ratio, 1 / ratio) <= Math.max(best.ratio, 1 / best.ratio))
      return;
    const half = (before + last) / 2;
    let since = present[0]?.[0] ?? 0;
    for (const [i, value] of present) if (ratio > 1 ? value < half : value > half) since = i + 1;
    best = { series, last, before, ratio, since };
  });
  return best;
}
