/**
 * A trace as the forest that the page draws, and what is odd about its spans in words. Each oddity is kept and marked,
 * never repaired silently.
 */
import { buildForest, type Forest } from "@triptych/lang";
import type { ShownTrace } from "./shown-trace.ts";

/** Nanoseconds count from the start of the trace; `totalNs` reaches to its latest end. */
export interface TraceTree extends Forest {
  readonly trace: ShownTrace;
}

export function buildTree(trace: ShownTrace): TraceTree {
  const forest = buildForest(trace.spans);
  return { ...forest, trace, totalNs: Math.max(forest.totalNs, trace.durationNs) };
}

export interface ServiceTime {
  readonly service: string;
  readonly ns: number;
  readonly spans: number;
}

/** Self time summed by service, largest first. */
export function selfTimeByService(tree: TraceTree): ServiceTime[] {
  const sums = new Map<string, { ns: number; spans: number }>();
  tree.trace.spans.forEach((span, i) => {
    const sum = sums.get(span.service) ?? { ns: 0, spans: 0 };
    sum.ns += tree.selfNs[i] ?? 0;
    sum.spans++;
    sums.set(span.service, sum);
  });
  return [...sums].map(([service, sum]) => ({ service, ...sum })).sort((a, b) => b.ns - a.ns);
}

/** How far a span sticks out of its parent, in nanoseconds; zeros when it lies inside or stands at the top. */
export function overhang(tree: TraceTree, index: number): { early: number; late: number } {
  const p = tree.parent[index] ?? -1;
  if (p < 0) return { early: 0, late: 0 };
  const early = Math.max(0, (tree.start[p] ?? 0) - (tree.start[index] ?? 0));
  const late = Math.max(0, (tree.end[index] ?? 0) - (tree.end[p] ?? 0));
  return { early, late };
}

/**
 * What is odd about a span, in words. Ending after the parent is normal for messages and streams, so only an
 * early start counts as a clock problem.
 */
export function oddities(
  tree: TraceTree,
  index: number,
  formatNs: (ns: number) => string,
): string[] {
  const words: string[] = [];
  const span = tree.trace.spans[index];
  if (tree.orphans.has(index)) {
    words.push(
      `Its parent ${span?.parentSpanId ?? ""} has not been received; the span stands at the top for that.`,
    );
  }
  if (tree.circles.has(index)) words.push("Its parents form a circle, which was cut here.");
  if (tree.twins.has(index)) words.push("Another span of this trace has the same id.");
  const skewNs = span?.skewNs ?? 0;
  if (skewNs !== 0) {
    words.push(
      `Shown ${formatNs(Math.abs(skewNs))} ${skewNs > 0 ? "later" : "earlier"} than it says: the clock of its host disagrees with that of its parent.`,
    );
  }
  const { early } = overhang(tree, index);
  if (early > 0) {
    words.push(
      `It starts ${formatNs(early)} before its parent: the clocks of the two differ by at least that.`,
    );
  }
  const lost = Object.entries(span?.dropped ?? {}).filter(([, count]) => count > 0);
  if (lost.length > 0) {
    const counts = lost.map(([what, count]) => `${count} ${what}`).join(", ");
    words.push(`Not kept, because the sender or a limit left them out: ${counts}.`);
  }
  if ((span?.durationNs ?? 0) < 0)
    words.push("Its end lies before its start; it is drawn without a length.");
  return words;
}
