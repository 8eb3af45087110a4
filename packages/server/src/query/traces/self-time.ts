/**
 * Where a trace spends its time: the part of each span that no child covers, added up per service. Works on the spans
 * of one trace in any order; children may overlap each other and stick out of their parent.
 */
import { buildForest } from "@triptych/lang";

export interface TimedSpan {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly service: string;
  readonly startNs: bigint;
  readonly durationNs: number;
}

export interface SelfTime {
  readonly service: string;
  readonly selfNs: number;
}

/** Largest first, at most `servicesMax`. */
export function selfTimes(spans: readonly TimedSpan[], servicesMax: number): SelfTime[] {
  const origin = earliest(spans);
  const once = new Map<string, TimedSpan>();
  for (const [i, span] of spans.entries()) {
    // A span stored twice counts once.
    const key = `${span.spanId} ${span.startNs} ${span.durationNs} ${span.service}`;
    once.set(span.spanId === "" ? String(i) : key, span);
  }
  const counted = [...once.values()];
  const { selfNs } = buildForest(
    counted.map((span) => ({ ...span, offsetNs: Number(span.startNs - origin) })),
  );
  const totals = new Map<string, number>();
  for (const [i, { service }] of counted.entries())
    totals.set(service, (totals.get(service) ?? 0) + (selfNs[i] ?? 0));
  return [...totals]
    .map(([service, selfNs]) => ({ service, selfNs }))
    .sort((a, b) => b.selfNs - a.selfNs || (a.service < b.service ? -1 : 1))
    .slice(0, servicesMax);
}

export function childrenOf<S extends TimedSpan>(spans: readonly S[]): Map<string, S[]> {
  const children = new Map<string, S[]>();
  for (const span of spans) {
    if (span.parentSpanId === "") continue;
    const siblings = children.get(span.parentSpanId);
    if (siblings === undefined) children.set(span.parentSpanId, [span]);
    else siblings.push(span);
  }
  return children;
}

/** Times relative to this fit a double exactly. */
export function earliest(spans: readonly TimedSpan[]): bigint {
  let first = spans[0]?.startNs ?? 0n;
  for (const { startNs } of spans) if (startNs < first) first = startNs;
  return first;
}

export type Interval = readonly [start: number, end: number];

/** Length of the union of the intervals within `bounds`. */
export function unionLength(intervals: readonly Interval[], [from, to]: Interval): number {
  let total = 0;
  let reached = from;
  for (const [start, end] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const begin = Math.max(start, reached);
    const stop = Math.min(end, to);
    if (stop <= begin) continue;
    total += stop - begin;
    reached = stop;
  }
  return total;
}
