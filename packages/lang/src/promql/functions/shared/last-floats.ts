/** Functions of the last one or two floats of each range, for all steps of a series together. */
import type { FloatWindows } from "../../window.ts";
import type { FloatRangeKernel } from "../spec.ts";

/** `put` writes the step whose range has the samples `from` to `to` (exclusive), which is not empty. */
function eachWindow(
  { timeMs, steps, rangeMs, endMs, stepMs }: FloatWindows,
  put: (step: number, from: number, to: number) => void,
): void {
  const { length } = timeMs;
  let from = 0;
  let to = 0;
  for (let step = 0; step < steps; step++) {
    const end = endMs + step * stepMs;
    const start = end - rangeMs;
    while (to < length && (timeMs[to] as number) <= end) to++;
    while (from < to && (timeMs[from] as number) <= start) from++;
    if (to > from) put(step, from, to);
  }
}

export const lastFloats: FloatRangeKernel = (windows, { kind, value: out }) => {
  const { value } = windows;
  eachWindow(windows, (step, _from, to) => {
    kind[step] = 1;
    out[step] = value[to - 1] as number;
  });
};

/** `irate` when it is a rate, else `idelta`. */
export function lastTwoFloats(isRate: boolean): FloatRangeKernel {
  return (windows, { kind, value: out }) => {
    const { timeMs, value } = windows;
    eachWindow(windows, (step, from, to) => {
      if (to - from < 2) return;
      const before = value[to - 2] as number;
      const last = value[to - 1] as number;
      kind[step] = 1;
      if (!isRate) {
        out[step] = last - before;
        return;
      }
      const seconds = ((timeMs[to - 1] as number) - (timeMs[to - 2] as number)) / 1000;
      // A counter that fell began anew.
      out[step] = (last < before ? last : last - before) / seconds;
    });
  };
}
