/** Round positions for axes: numbers in 1, 2, 2.5, 5; times on minutes, hours and days of the zone shown. */

/** About `count` round numbers inside [low, high]. */
export function numberTicks(low: number, high: number, count = 4): number[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-6; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** 1, 3, 10, 30 … inside [low, high], for logarithmic axes. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  if (!(low > 0) || !(high > low)) return ticks;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 3]) {
      const value = Number((factor * 10 ** power).toPrecision(12));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const timeSteps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 7, 14, 30].map((n) => n * day),
];

export interface TimeTicks {
  readonly stepMs: number;
  readonly ticks: readonly number[];
}

/** At most one tick per 90 pixels, aligned to the zone whose offset is given. */
export function timeTicks(
  range: { readonly from: number; readonly to: number },
  width: number,
  offsetMinutes = 0,
): TimeTicks {
  const wanted = (range.to - range.from) / Math.max(2, width / 90);
  const stepMs = timeSteps.find((step) => step >= wanted) ?? 365 * day;
  const shift = offsetMinutes * minute;
  const ticks: number[] = [];
  for (
    let at = Math.ceil((range.from + shift) / stepMs) * stepMs - shift;
    at <= range.to;
    at += stepMs
  ) {
    ticks.push(at);
  }
  return { stepMs, ticks };
}
