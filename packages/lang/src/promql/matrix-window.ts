/** The samples that an instant query for a range gives. */
import type { VectorSelector } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import { queryFailed } from "./failure.ts";
import { endsOf, endValues } from "./functions/shared/extended-rate.ts";
import { between } from "./selector-eval.ts";
import type { LiveSeries } from "./window.ts";

/** The samples of a range; those of an extended one begin and end with the range. */
export function windowOf(
  live: LiveSeries,
  { after, to }: { readonly after: number; readonly to: number },
  { extended, run }: { readonly extended: VectorSelector["extended"]; readonly run: Evaluation },
): LiveSeries {
  const { lookbackMs } = run;
  const from = extended === undefined ? after : after - lookbackMs;
  const until = extended === "smoothed" ? to + lookbackMs : to;
  const floats = between(live.timeMs, from, until);
  const points = between(live.histogramTimeMs, from, until);
  const cut = {
    ...live,
    timeMs: live.timeMs.slice(floats.from, floats.to),
    value: live.value.slice(floats.from, floats.to),
    startMs: undefined,
    histogramTimeMs: live.histogramTimeMs.slice(points.from, points.to),
    histograms: live.histograms.slice(points.from, points.to),
    histogramStartMs: undefined,
  };
  if (extended === undefined) return cut;
  if (cut.histograms.length > 0)
    throw queryFailed(`${extended} modifier is not supported with histograms`);
  return cut.timeMs.length === 0 ? cut : withEnds(cut, { after, to }, { extended, run });
}

function withEnds(
  live: LiveSeries,
  { after, to }: { readonly after: number; readonly to: number },
  { extended, run }: { readonly extended: "anchored" | "smoothed"; readonly run: Evaluation },
): LiveSeries {
  const span = { start: 0, end: 0 };
  const window = {
    series: live,
    from: 0,
    to: live.timeMs.length,
    histogramFrom: 0,
    histogramTo: 0,
    startMs: after,
    endMs: to,
    rangeMs: to - after,
    evalMs: to,
    args: [],
    resets: undefined,
    extended,
    metric: "",
    annotate: run.annotations,
    span,
    argsSpan: span,
  };
  const smoothed = extended === "smoothed";
  const ends = endsOf(window, live.timeMs, { from: 0, to: window.to, smoothed });
  if (ends === undefined)
    return { ...live, timeMs: new Float64Array(0), value: new Float64Array(0) };
  const { left, right } = endValues(window, ends, { smoothed, isCounter: false, from: 0 });
  const timeMs = [after];
  const value = [left];
  for (let i = ends.first; i <= ends.last; i++) {
    const t = live.timeMs[i] as number;
    if (t <= after || t >= to) continue;
    timeMs.push(t);
    value.push(live.value[i] as number);
  }
  timeMs.push(to);
  value.push(right);
  return { ...live, timeMs: Float64Array.from(timeMs), value: Float64Array.from(value) };
}
