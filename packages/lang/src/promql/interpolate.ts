/** Native histograms between two samples. */
import { type Annotate, messages } from "./annotations.ts";
import { add, type Combined, type Histogram, multiply, subtract, wasReset } from "./histogram.ts";
import type { Span } from "../source.ts";

export interface TimedHistogram {
  readonly histogram: Histogram;
  readonly timeMs: number;
}

export interface HistogramReport {
  readonly annotate: Annotate;
  readonly metric: string;
  readonly span: Span;
}

/** `undefined` when the two cannot be combined; that is annotated. */
export function interpolateHistograms(
  first: TimedHistogram,
  second: TimedHistogram,
  how: HistogramReport & { readonly at: number; readonly isCounter: boolean },
): Histogram | undefined {
  const { at, isCounter } = how;
  if (at === first.timeMs) return first.histogram;
  if (at === second.timeMs) return second.histogram;
  const fraction = (at - first.timeMs) / (second.timeMs - first.timeMs);
  if (isCounter && wasReset(second.histogram, first.histogram))
    return multiply(second.histogram, fraction);
  const difference = told(subtract(second.histogram, first.histogram), "subtraction", how);
  if (difference === undefined) return undefined;
  return told(add(multiply(difference, fraction), first.histogram), "addition", how);
}

/** The result of an operation; what is to be said about it is annotated. */
export function told(
  combined: Combined | undefined,
  operation: "addition" | "subtraction",
  { annotate, metric, span }: HistogramReport,
): Histogram | undefined {
  if (combined === undefined) {
    annotate.warning(messages.mixedSchemas(metric), span);
    return undefined;
  }
  if (combined.reconciled) annotate.info(messages.reconciled(operation), span);
  return combined.histogram;
}
