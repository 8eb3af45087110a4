/** Functions of the floats of a range, which say so when there are native histograms beside them. */
import { messages } from "../../annotations.ts";
import type { RangeWindow } from "../../window.ts";
import type { RangeKernel } from "../spec.ts";

/** Of the floats alone; histograms beside them are noted. */
export function floatsOnly(run: (w: RangeWindow) => number): RangeKernel {
  return (w) => {
    if (w.to === w.from) return undefined;
    noteIgnored(w);
    return run(w);
  };
}

export function noteIgnored(w: RangeWindow): void {
  if (w.histogramTo > w.histogramFrom)
    w.annotate.info(messages.histogramIgnoredInRange(w.metric), w.span);
}
