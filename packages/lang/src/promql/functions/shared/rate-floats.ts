/**
 * `rate`, `increase` and `delta` for all steps of a series of floats: what `extrapolate.ts` does for one window, with
 * the same arithmetic in the same order. Scrapes come at a steady pace and steps are often a multiple of it: then
 * windows lie around their samples as the one before did, and what follows from that alone is computed once.
 */
import type { FloatWindows } from "../../window.ts";
import type { RateKind } from "./extended-rate.ts";
import type { FloatRangeKernel } from "../spec.ts";

type Out = Parameters<FloatRangeKernel>[1];

/** More than all roundings of a comparison can be off. */
const SURELY = 1 + 1e-9;
/** Above this, products with the seconds of a window lose no digits for being small. */
const TINY = 1e-100;

export function extrapolateFloats(kind: RateKind): FloatRangeKernel {
  return (windows, out) => {
    const { timeMs, steps, rangeMs, stepMs } = windows;
    const { length } = timeMs;
    const pass = new Pass(kind, windows, out);
    const isWhole = Number.isInteger(stepMs) && Number.isInteger(windows.endMs);
    let end = windows.endMs;
    let first = 0;
    let to = 0;
    // Samples up to here come at the pace of the two at `first` when the place was found.
    let steadyTo = 0;
    for (let step = 0; step < steps; step++, end += stepMs) {
      const start = end - rangeMs;
      while (to < length && (timeMs[to] as number) <= end) to++;
      while (first < to && (timeMs[first] as number) <= start) first++;
      const last = to - 1;
      if (last <= first) continue;
      pass.place(first, last, { start, end });
      let run = 1;
      if (isWhole) {
        if (first >= steadyTo) steadyTo = endOfPace(timeMs, first);
        if (steadyTo >= last) run = pass.steadySteps(first, to, { start, end, steadyTo });
      }
      run = Math.min(run, steps - step);
      const apart = run > 1 ? pass.samplesPerStep : 0;
      pass.write(step, run, { first, last, apart });
      first += apart * (run - 1);
      to += apart * (run - 1);
      step += run - 1;
      end += stepMs * (run - 1);
    }
  };
}

/** The last sample that comes as long after the one before it as the second after the first, from `first` on. */
function endOfPace(timeMs: Float64Array, first: number): number {
  const pace = (timeMs[first + 1] as number) - (timeMs[first] as number);
  let at = first + 1;
  while (at + 1 < timeMs.length && (timeMs[at + 1] as number) - (timeMs[at] as number) === pace)
    at++;
  return at;
}

/** One series. */
class Pass {
  samplesPerStep = 0;
  private readonly isCounter: boolean;
  /** Of the range when it is a rate, else 0. */
  private readonly seconds: number;
  private readonly timeMs: Float64Array;
  private readonly value: Float64Array;
  private readonly stepMs: number;
  private readonly out: Out;
  private readonly resets: Uint32Array | undefined;
  /** Of the window before: how far its samples were from its ends and from each other. */
  private startGap = Number.NaN;
  private endGap = Number.NaN;
  private width = Number.NaN;
  private gaps = 0;
  /** What follows from those. `factor` is for counters that are far from zero. */
  private sampled = 0;
  private toStart = 0;
  private toEnd = 0;
  private factor = 0;

  constructor({ isCounter, isRate }: RateKind, windows: FloatWindows, out: Out) {
    const { timeMs, value, rangeMs, stepMs } = windows;
    this.isCounter = isCounter;
    this.seconds = isRate ? rangeMs / 1000 : 0;
    this.timeMs = timeMs;
    this.value = value;
    this.stepMs = stepMs;
    this.out = out;
    const falls = isCounter && (windows.falls ?? hasReset(value));
    this.resets = falls ? resetCounts(value) : undefined;
  }

  /** The window has the samples `first` to `last`, which are at least two. */
  place(first: number, last: number, { start, end }: { start: number; end: number }): void {
    const firstMs = this.timeMs[first] as number;
    const lastMs = this.timeMs[last] as number;
    const startGap = firstMs - start;
    const endGap = end - lastMs;
    const width = lastMs - firstMs;
    const gaps = last - first;
    if (
      startGap === this.startGap &&
      endGap === this.endGap &&
      width === this.width &&
      gaps === this.gaps
    )
      return;
    this.startGap = startGap;
    this.endGap = endGap;
    this.width = width;
    this.gaps = gaps;
    const sampled = width / 1000;
    let toStart = startGap / 1000;
    let toEnd = endGap / 1000;
    const average = sampled / gaps;
    const threshold = average * 1.1;
    if (toStart >= threshold) toStart = average / 2;
    if (toEnd >= threshold) toEnd = average / 2;
    this.sampled = sampled;
    this.toStart = toStart;
    this.toEnd = toEnd;
    this.factor = this.stretched(toStart);
  }

  private stretched(toStart: number): number {
    const { sampled, toEnd, seconds } = this;
    const factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
    return seconds === 0 ? factor : factor / seconds;
  }

  /**
   * For how many steps, this one included, the window moves by as many samples each, all of them at the pace that
   * ends with `steadyTo`: then each lies around its samples as this one.
   */
  steadySteps(
    first: number,
    to: number,
    { start, end, steadyTo }: { start: number; end: number; steadyTo: number },
  ): number {
    const { timeMs, stepMs } = this;
    const pace = (timeMs[first + 1] as number) - (timeMs[first] as number);
    const perStep = stepMs / pace;
    // A sample that is not there must not be one that the next window would miss or have too many.
    const isTight =
      (timeMs[first] as number) - pace <= start && (timeMs[to - 1] as number) + pace > end;
    const least = steadyTo === timeMs.length - 1 ? timeMs.length : steadyTo;
    if (!Number.isInteger(perStep) || perStep === 0 || perStep > least - to || !isTight) return 1;
    // Made whole numbers for the engine too: as rows of arrays those are much faster.
    this.samplesPerStep = perStep | 0;
    return (((least - to) / perStep) | 0) + 1;
  }

  /** Writes `run` steps of windows that move by `apart` samples each. */
  write(
    step: number,
    run: number,
    window: { readonly first: number; readonly last: number; readonly apart: number },
  ): void {
    const { first, last, apart } = window;
    if (run === 1) this.out.kind[step] = 1;
    else this.out.kind.fill(1, step, step + run);
    if (this.resets !== undefined) this.writeFalling(this.resets, { step, run, ...window });
    else if (this.isCounter) this.writeRising(step, run, window);
    else {
      const { value, factor } = this;
      const results = this.out.value;
      for (let i = 0; i < run; i++) {
        const growth = (value[last + i * apart] as number) - (value[first + i * apart] as number);
        results[step + i] = growth * factor;
      }
    }
  }

  /** A counter that is never reset: most of all, so the loop holds nothing that it can do without. */
  private writeRising(
    step: number,
    run: number,
    {
      first,
      last,
      apart,
    }: { readonly first: number; readonly last: number; readonly apart: number },
  ): void {
    const { value, sampled, factor } = this;
    const results = this.out.value;
    const far = this.toStart * SURELY;
    for (let i = 0; i < run; i++) {
      const firstValue = value[first + i * apart] as number;
      const growth = (value[last + i * apart] as number) - firstValue;
      // Far from zero no division is needed to know that the counter's line does not meet it near the window.
      if (growth > TINY ? firstValue * sampled > growth * far : !(growth > 0))
        results[step + i] = growth * factor;
      else results[step + i] = growth * this.factorNearZero(firstValue, growth);
    }
  }

  private writeFalling(
    resets: Uint32Array,
    at: {
      readonly step: number;
      readonly run: number;
      readonly first: number;
      readonly last: number;
      readonly apart: number;
    },
  ): void {
    const { value, factor } = this;
    const results = this.out.value;
    let { first, last } = at;
    for (let i = 0; i < at.run; i++, first += at.apart, last += at.apart) {
      const firstValue = value[first] as number;
      let growth = (value[last] as number) - firstValue;
      if (resets[last] !== resets[first])
        for (let row = first + 1; row <= last; row++)
          if ((value[row] as number) < (value[row - 1] as number))
            growth += value[row - 1] as number;
      const used = growth > 0 ? this.factorNearZero(firstValue, growth) : factor;
      results[at.step + i] = growth * used;
    }
  }

  private factorNearZero(firstValue: number, result: number): number {
    if (!(firstValue >= 0)) return this.factor;
    const toZero = this.sampled * (firstValue / result);
    return toZero < this.toStart ? this.stretched(toZero) : this.factor;
  }
}

/** How many values up to each are smaller than the one before. */
export function resetCounts(value: Float64Array): Uint32Array {
  const counts = new Uint32Array(value.length);
  let count = 0;
  for (let i = 1; i < value.length; i++) {
    if ((value[i] as number) < (value[i - 1] as number)) count++;
    counts[i] = count;
  }
  return counts;
}

function hasReset(value: Float64Array): boolean {
  for (let i = 1; i < value.length; i++)
    if ((value[i] as number) < (value[i - 1] as number)) return true;
  return false;
}
