/**
 * Clock skew as Jaeger's query service shows it: spans of hosts whose clocks disagree are shifted, and each span that
 * was shifted, or could not be looked at, carries a warning in Jaeger's words. `raw` answers times as they were sent.
 */
import { SKEW_NS_MAX } from "@triptych/lang";
import { paced } from "../../query/traces/paced.ts";
import {
  type ShapeColumns,
  shapesPart,
  shapesSteps,
  type TraceTimes,
  traceTimesSteps,
} from "../../query/traces/skew.ts";
import type { StoredSpans } from "../../store/clickhouse/select/traces.ts";
import { printGoDuration } from "./go-duration.ts";

export interface Adjustment {
  /** What to add to the times of the span and its events; whole nanoseconds. */
  readonly shiftNs: bigint;
  readonly warnings: readonly string[];
}

const untouched: Adjustment = { shiftNs: 0n, warnings: [] };

interface Adjusted {
  /** Position of its first span among all. */
  readonly first: number;
  readonly shapes: ShapeColumns;
  readonly times: TraceTimes;
}

/** The adjustment of each span by its position in `spans`; made when it is asked for. */
export async function adjustmentsOf(
  spans: StoredSpans,
  raw: boolean,
): Promise<(index: number) => Adjustment> {
  if (raw) return () => untouched;
  const all = await paced(shapesSteps(spans));
  const traces: Adjusted[] = [];
  for (let first = 0, end = 1; end <= all.count; end++) {
    if (end < all.count && all.traceId[end] === all.traceId[first]) continue;
    const shapes = first === 0 && end === all.count ? all : shapesPart(all, first, end);
    traces.push({ first, shapes, times: await paced(traceTimesSteps(shapes, true)) });
    first = end;
  }
  let at = 0;
  // Spans are asked for one after another, so the trace is the one of the last call or the next.
  return (index) => {
    if (index < (traces[at]?.first ?? 0)) at = 0;
    while (index >= (traces[at + 1]?.first ?? Number.POSITIVE_INFINITY)) at++;
    const trace = traces[at];
    return trace === undefined ? untouched : adjustmentAt(trace, index - trace.first);
  };
}

function adjustmentAt({ shapes, times }: Adjusted, at: number): Adjustment {
  const shift = times.shiftNs[at] ?? 0;
  const warning = warningAt(shapes, times, at);
  if (warning === "") return untouched;
  return { shiftNs: shift === 0 ? 0n : BigInt(Math.round(shift)), warnings: [warning] };
}

function warningAt(shapes: ShapeColumns, times: TraceTimes, at: number): string {
  if (times.twins.has(at)) return "duplicate span IDs; skipping clock skew adjustment";
  if (times.orphans.has(at))
    return `parent span ID=${shapes.parentSpanId[at] ?? ""} is not in the trace; skipping clock skew adjustment`;
  const refused = times.refusedNs.get(at);
  if (refused !== undefined)
    return `max clock skew adjustment delta of ${printGoDuration(SKEW_NS_MAX)} exceeded; not applying calculated delta of ${printGoDuration(refused)}`;
  const shift = times.shiftNs[at] ?? 0;
  return shift === 0 ? "" : `This span's timestamps were adjusted by ${printGoDuration(shift)}`;
}
