/**
 * The spans of a trace as a forest over typed arrays: parents, children, depth, display order, self time. Spans may be
 * anything a network can do to a trace: parents that never arrived, several roots, clocks that disagree, the same id
 * twice, parents in a circle. Each oddity is kept and marked, never repaired silently. Server and web both read it.
 */

/** What the shape of a trace needs of a span. Times are nanoseconds after any common origin. */
export interface ForestSpan {
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  readonly offsetNs: number;
  /** Below 0 when the sender's end lies before its start; such a span has no length here. */
  readonly durationNs: number;
}

export interface Forest {
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
  /** Nanoseconds from 0 to the latest end; at least 1. */
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

/** Spans looked at between two steps. */
const STEP_SPANS = 2_048;

/** Runs all steps at once. */
export function finishSteps<T>(steps: Generator<void, T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

export function buildForest(spans: readonly ForestSpan[]): Forest {
  return finishSteps(forestSteps(spans));
}

/** The same in steps of some milliseconds, for a process that has others to serve. */
export function* forestSteps(spans: readonly ForestSpan[]): Generator<void, Forest> {
  const count = spans.length;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  const byId = new Map<string, number>();
  const twins = new Set<number>();
  let totalNs = 1;
  for (const [i, span] of spans.entries()) {
    start[i] = span.offsetNs;
    end[i] = span.offsetNs + Math.max(0, span.durationNs);
    totalNs = Math.max(totalNs, end[i] ?? 0);
    if (byId.has(span.spanId)) twins.add(i);
    else byId.set(span.spanId, i);
    if (i % STEP_SPANS === 0) yield;
  }
  const { parent, orphans } = findParents(spans, byId);
  yield;
  const circles = cutCircles(parent);
  yield;
  const { children, tops } = childLists(parent, start);
  yield;
  const walk = displayOrder(tops, children);
  yield;
  const extent = { start, end, children };
  const selfNs = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    selfNs[i] = selfTime(extent, i);
    if (i % STEP_SPANS === 0) yield;
  }
  return { parent, tops, ...walk, ...extent, selfNs, totalNs, orphans, circles, twins, byId };
}

function findParents(spans: readonly ForestSpan[], byId: ReadonlyMap<string, number>) {
  const parent = new Int32Array(spans.length).fill(-1);
  const orphans = new Set<number>();
  spans.forEach((span, i) => {
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

function childLists(parent: Int32Array, start: Float64Array) {
  const byStart = (a: number, b: number) => (start[a] ?? 0) - (start[b] ?? 0) || a - b;
  // Most spans have no children: they share one list, which nobody adds to.
  const none: number[] = [];
  const children: number[][] = new Array<number[]>(parent.length).fill(none);
  const tops: number[] = [];
  for (let i = 0; i < parent.length; i++) {
    const p = parent[i] ?? -1;
    const list = p < 0 ? tops : (children[p] ?? none);
    if (list === none) children[p] = [i];
    else list.push(i);
  }
  tops.sort(byStart);
  for (const list of children) if (list.length > 1) list.sort(byStart);
  return { children, tops };
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

/** The length of the span less the union of its children: the sum of `selfIntervals`, without making them. */
function selfTime(forest: Pick<Forest, "start" | "end" | "children">, index: number): number {
  const to = forest.end[index] ?? 0;
  const children = forest.children[index] ?? [];
  let cursor = forest.start[index] ?? 0;
  let sum = 0;
  for (const child of children) {
    const from = Math.min(forest.start[child] ?? 0, to);
    if (from > cursor) sum += from - cursor;
    cursor = Math.max(cursor, Math.min(forest.end[child] ?? 0, to));
  }
  return to > cursor ? sum + to - cursor : sum;
}

/** The span less the union of its children, as [from, to] pairs. Children must be in start order. */
export function selfIntervals(
  forest: Pick<Forest, "start" | "end" | "children">,
  index: number,
): [number, number][] {
  const to = forest.end[index] ?? 0;
  let cursor = forest.start[index] ?? 0;
  const free: [number, number][] = [];
  for (const child of forest.children[index] ?? []) {
    const from = Math.min(forest.start[child] ?? 0, to);
    if (from > cursor) free.push([cursor, from]);
    cursor = Math.max(cursor, Math.min(forest.end[child] ?? 0, to));
  }
  if (to > cursor) free.push([cursor, to]);
  return free;
}
