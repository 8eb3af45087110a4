/**
 * A trace as a forest over typed arrays: parents, children, depth, display order, self time. Spans come as the API
 * sends them, which may be anything a network can do to a trace: parents that never arrived, several roots, clocks that
 * disagree, the same id twice, parents in a circle. Each oddity is kept and marked, never repaired silently.
 */
import type { TraceAnswer } from "@triptych/contract";

export interface TraceTree {
  readonly trace: TraceAnswer;
  /** Index of the parent, -1 for what stands at the top. */
  readonly parent: Int32Array;
  readonly depth: Int32Array;
  /** Children in start order. */
  readonly children: readonly (readonly number[])[];
  /** Tops in start order. */
  readonly tops: readonly number[];
  /** All spans, each before its children, and for each position the position after its last descendant. */
  readonly order: Int32Array;
  readonly position: Int32Array;
  readonly after: Int32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly selfNs: Float64Array;
  /** Nanoseconds from the earliest start to the latest end; at least 1. */
  readonly totalNs: number;
  readonly depthMax: number;
  /** Spans whose parent is named but not here. */
  readonly orphans: ReadonlySet<number>;
  /** Spans whose parents form a circle, cut at this one. */
  readonly circles: ReadonlySet<number>;
  /** Spans that share their id with an earlier one. */
  readonly twins: ReadonlySet<number>;
  readonly byId: ReadonlyMap<string, number>;
}

export function buildTree(trace: TraceAnswer): TraceTree {
  const count = trace.spans.length;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  const byId = new Map<string, number>();
  const twins = new Set<number>();
  let totalNs = Math.max(1, trace.durationNs);
  trace.spans.forEach((span, i) => {
    start[i] = span.offsetNs;
    end[i] = span.offsetNs + Math.max(0, span.durationNs);
    totalNs = Math.max(totalNs, end[i] ?? 0);
    if (byId.has(span.spanId)) twins.add(i);
    else byId.set(span.spanId, i);
  });
  const { parent, orphans } = findParents(trace, byId);
  const circles = cutCircles(parent);
  const byStart = (a: number, b: number) => (start[a] ?? 0) - (start[b] ?? 0) || a - b;
  const children: number[][] = Array.from({ length: count }, () => []);
  const tops: number[] = [];
  for (let i = 0; i < count; i++) {
    const p = parent[i] ?? -1;
    (p < 0 ? tops : (children[p] ?? tops)).push(i);
  }
  tops.sort(byStart);
  for (const list of children) list.sort(byStart);
  const walk = displayOrder(tops, children);
  const tree = { trace, parent, children, tops, ...walk, start, end, totalNs };
  const selfNs = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (const [from, to] of selfIntervals(tree, i)) selfNs[i] = (selfNs[i] ?? 0) + to - from;
  }
  return { ...tree, selfNs, orphans, circles, twins, byId };
}

function findParents(trace: TraceAnswer, byId: ReadonlyMap<string, number>) {
  const parent = new Int32Array(trace.spans.length).fill(-1);
  const orphans = new Set<number>();
  trace.spans.forEach((span, i) => {
    if (span.parentSpanId === "") return;
    const at = byId.get(span.parentSpanId);
    if (at === undefined) orphans.add(i);
    else if (at !== i) parent[i] = at;
  });
  return { parent, orphans };
}

/** Walks up from every span; a walk that meets itself is cut where it closes. */
function cutCircles(parent: Int32Array): Set<number> {
  const circles = new Set<number>();
  const seenIn = new Int32Array(parent.length);
  for (let i = 0; i < parent.length; i++) {
    let at = i;
    while (at >= 0 && seenIn[at] === 0) {
      seenIn[at] = i + 1;
      const next = parent[at] ?? -1;
      if (next >= 0 && seenIn[next] === i + 1) {
        parent[at] = -1;
        circles.add(at);
        break;
      }
      at = next;
    }
  }
  return circles;
}

function displayOrder(tops: readonly number[], children: readonly (readonly number[])[]) {
  const count = children.length;
  const order = new Int32Array(count);
  const position = new Int32Array(count);
  const after = new Int32Array(count);
  const depth = new Int32Array(count);
  let depthMax = 0;
  let at = 0;
  // Negative entries close a span: a chain of 10,000 spans must not exhaust the call stack.
  const stack = [...tops].reverse();
  while (stack.length > 0) {
    const i = stack.pop() ?? 0;
    if (i < 0) {
      after[position[-i - 1] ?? 0] = at;
      continue;
    }
    order[at] = i;
    position[i] = at++;
    depthMax = Math.max(depthMax, depth[i] ?? 0);
    stack.push(-i - 1);
    const list = children[i] ?? [];
    for (let k = list.length - 1; k >= 0; k--) {
      const child = list[k] ?? 0;
      depth[child] = (depth[i] ?? 0) + 1;
      stack.push(child);
    }
  }
  return { order, position, after, depth, depthMax };
}

type Extent = Pick<TraceTree, "start" | "end" | "children">;

/** The span less the union of its children, as [from, to] pairs. */
export function selfIntervals(tree: Extent, index: number): [number, number][] {
  const to = tree.end[index] ?? 0;
  let cursor = tree.start[index] ?? 0;
  const free: [number, number][] = [];
  for (const child of tree.children[index] ?? []) {
    const from = Math.min(tree.start[child] ?? 0, to);
    if (from > cursor) free.push([cursor, from]);
    cursor = Math.max(cursor, Math.min(tree.end[child] ?? 0, to));
  }
  if (to > cursor) free.push([cursor, to]);
  return free;
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
  const { early } = overhang(tree, index);
  if (early > 0) {
    words.push(
      `It starts ${formatNs(early)} before its parent: the clocks of the two differ by at least that.`,
    );
  }
  if ((span?.durationNs ?? 0) < 0)
    words.push("Its end lies before its start; it is drawn without a length.");
  return words;
}
