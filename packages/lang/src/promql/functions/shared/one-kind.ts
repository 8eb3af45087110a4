/** Sum and mean of a range: of its floats or of its native histograms, but not of both. */
import { messages } from "../../annotations.ts";
import type { Histogram } from "../../histogram.ts";
import type { HistogramMean, HistogramSum } from "../../histogram-sum.ts";
import type { RangeWindow } from "../../window.ts";

/** False, with a warning, when the range has floats and histograms. */
export function isOneKind(w: RangeWindow): boolean {
  if (w.to === w.from || w.histogramTo === w.histogramFrom) return true;
  w.annotate.warning(messages.mixedFloatsHistograms(w.metric), w.span);
  return false;
}

/** `undefined`, with a warning, when they cannot be combined. */
export function combineHistograms(
  w: RangeWindow,
  into: HistogramSum | HistogramMean,
): Histogram | undefined {
  const { annotate, metric, span } = w;
  for (let i = w.histogramFrom; i < w.histogramTo; i++) {
    if (into.add(w.series.histograms[i] as Histogram)) continue;
    annotate.warning(messages.mixedSchemas(metric), span);
    return undefined;
  }
  if (into.collision) annotate.warning(messages.resetCollision("aggregation"), span);
  if (into.reconciled) annotate.info(messages.reconciled("aggregation"), span);
  return into.result();
}
