/**
 * Where a trace spends its time: the part of each span that no child covers, added up per service. Works on the spans
 * of one trace in any order; children may overlap each other and stick out of their parent.
 */
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
  const children = childrenOf(spans);
  const totals = new Map<string, number>();
  const counted = new Set<string>();
  for (const span of spans) {
    // A span stored twice has its children once.
    const key = `${span.spanId} ${span.startNs} ${span.durationNs} ${span.service}`;
    if (span.spanId !== "" && counted.has(key)) continue;
    counted.add(key);
    const start = Number(span.startNs - origin);
    const intervals = (children.get(span.spanId) ?? [])
      .filter((child) => child !== span)
      .map((child): Interval => {
        const childStart = Number(child.startNs - origin);
        return [childStart, childStart + child.durationNs];
      });
    const covered = unionLength(intervals, [start, start + span.durationNs]);
    totals.set(span.service, (totals.get(span.service) ?? 0) + span.durationNs - covered);
  }
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
