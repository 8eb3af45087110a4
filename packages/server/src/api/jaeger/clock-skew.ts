/**
 * Clock skew as Jaeger's query service shows it: spans of hosts whose clocks disagree are shifted, and each span that
 * was shifted, or could not be looked at, carries a warning in Jaeger's words. `raw` answers times as they were sent.
 */
import { SKEW_NS_MAX } from "@triptych/lang";
import { paced } from "../../query/traces/paced.ts";
import { shapesSteps, type TraceTimes, traceTimesSteps } from "../../query/traces/skew.ts";
import type { SpanShape } from "../../store/clickhouse/select/span-shape.ts";
import type { StoredSpans } from "../../store/clickhouse/select/traces.ts";
import { printGoDuration } from "./go-duration.ts";

export interface Adjustment {
  /** What to add to the times of the span and its events; whole nanoseconds. */
  readonly shiftNs: bigint;
  readonly warnings: readonly string[];
}

const untouched: Adjustment = { shiftNs: 0n, warnings: [] };

/** The adjustment of each span by its position in `spans`. */
export async function adjustmentsOf(
  spans: StoredSpans,
  raw: boolean,
): Promise<(index: number) => Adjustment> {
  if (raw) return () => untouched;
  const found = new Map<number, Adjustment>();
  let shapes: SpanShape[] = [];
  let first = 0;
  const close = async (): Promise<void> => {
    const times = await paced(traceTimesSteps(shapes, true));
    adjust(shapes, times, (at, adjustment) => found.set(first + at, adjustment));
    first += shapes.length;
    shapes = [];
  };
  for (const shape of await paced(shapesSteps(spans))) {
    if (shapes.length > 0 && shapes[0]?.traceId !== shape.traceId) await close();
    shapes.push(shape);
  }
  if (shapes.length > 0) await close();
  return (index) => found.get(index) ?? untouched;
}

function adjust(
  shapes: readonly SpanShape[],
  times: TraceTimes,
  set: (at: number, adjustment: Adjustment) => void,
): void {
  shapes.forEach(({ parentSpanId }, at) => {
    const shift = times.shiftNs[at] ?? 0;
    const refused = times.refusedNs.get(at);
    const warnings: string[] = [];
    if (times.twins.has(at)) warnings.push("duplicate span IDs; skipping clock skew adjustment");
    else if (times.orphans.has(at))
      warnings.push(
        `parent span ID=${parentSpanId} is not in the trace; skipping clock skew adjustment`,
      );
    else if (refused !== undefined)
      warnings.push(
        `max clock skew adjustment delta of ${printGoDuration(SKEW_NS_MAX)} exceeded; not applying calculated delta of ${printGoDuration(refused)}`,
      );
    else if (shift !== 0)
      warnings.push(`This span's timestamps were adjusted by ${printGoDuration(shift)}`);
    if (warnings.length > 0) set(at, { shiftNs: BigInt(Math.round(shift)), warnings });
  });
}
