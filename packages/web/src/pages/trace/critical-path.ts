/**
 * The critical path: at each moment of the trace the one span that everything waited for. Found by walking back from
 * the end: inside a span the child that finished last is what it waited for; before that child began, the one of those
 * begun earlier that finished last, and so on; what no child covers is the span's own time. A child still running when
 * the next one began counts until then: recorders end a span a little after the work that waited for it went on, and
 * demanding a gap between them would blame the parent for all of it.
 *
 * A child that outlives its parent is clipped to it, unless it outlives the whole tree it stands in: then the rest of
 * the trace waited for that one.
 */
import type { TraceTree } from "./trace-tree.ts";

export interface PathPart {
  readonly span: number;
  readonly from: number;
  readonly to: number;
}

interface Candidate {
  readonly span: number;
  /** Where it may be entered at the earliest and left at the latest. */
  readonly low: number;
  readonly high: number;
}

interface Frame {
  /** -1 is the trace itself. */
  readonly span: number;
  readonly low: number;
  cursor: number;
  readonly candidates: readonly Candidate[];
  next: number;
}

type Shape = Pick<
  TraceTree,
  "start" | "end" | "children" | "tops" | "order" | "parent" | "totalNs"
>;

/** Parts in time order. Gaps between trees belong to no span and are left out. */
export function criticalPath(tree: Shape): PathPart[] {
  const parts: PathPart[] = [];
  const emit = (span: number, from: number, to: number) => {
    if (span >= 0 && to > from) parts.push({ span, from, to });
  };
  const stack: Frame[] = [
    { span: -1, low: 0, cursor: tree.totalNs, candidates: topCandidates(tree), next: 0 },
  ];
  while (stack.length > 0) {
    const frame = stack[stack.length - 1];
    if (frame === undefined) break;
    const found = nextCandidate(frame);
    if (found === undefined) {
      emit(frame.span, frame.low, frame.cursor);
      stack.pop();
      continue;
    }
    emit(frame.span, found.high, frame.cursor);
    frame.cursor = found.low;
    const { span, low, high } = found;
    stack.push({ span, low, cursor: high, candidates: childCandidates(tree, found), next: 0 });
  }
  return parts.sort((a, b) => a.from - b.from || a.to - b.to);
}

function nextCandidate(frame: Frame): Candidate | undefined {
  while (frame.next < frame.candidates.length) {
    const candidate = frame.candidates[frame.next++];
    if (candidate !== undefined && candidate.low < frame.cursor) {
      return { ...candidate, high: Math.min(candidate.high, frame.cursor) };
    }
  }
  return undefined;
}

const lastFirst = (a: Candidate, b: Candidate) => b.high - a.high || a.low - b.low;

function childCandidates(tree: Shape, of: Candidate): Candidate[] {
  const list: Candidate[] = [];
  for (const child of tree.children[of.span] ?? []) {
    const low = Math.max(tree.start[child] ?? 0, of.low);
    const high = Math.min(tree.end[child] ?? 0, of.high);
    if (high > low) list.push({ span: child, low, high });
  }
  return list.sort(lastFirst);
}

/** The tops, and of every span that ends after its top the part beyond that. */
function topCandidates(tree: Shape): Candidate[] {
  const list: Candidate[] = [];
  const topEnd = new Float64Array(tree.start.length);
  for (const i of tree.order) {
    const p = tree.parent[i] ?? -1;
    const low = tree.start[i] ?? 0;
    const high = tree.end[i] ?? 0;
    topEnd[i] = p < 0 ? high : (topEnd[p] ?? 0);
    const from = p < 0 ? low : Math.max(low, topEnd[i] ?? 0);
    if (high > from) list.push({ span: i, low: from, high });
  }
  return list.sort(lastFirst);
}

/** Nanoseconds on the critical path by span. */
export function criticalTimes(parts: readonly PathPart[], spans: number): Float64Array {
  const times = new Float64Array(spans);
  for (const part of parts) times[part.span] = (times[part.span] ?? 0) + part.to - part.from;
  return times;
}
