/**
 * The critical path: at each moment of the trace the one span that everything waited for. Defined as Jaeger's UI and
 * the CRISP paper (Zhang et al., USENIX ATC 2022) define it: walk back from the end of a root; inside a span the child
 * that finished last is what it waited for; before that child began, of the children that had finished by then the one
 * that did so last, and so on; what no such child covers is the span's own time. Children are clipped to their parents.
 * Spans that nothing waits for (messages) and all below them are left out.
 *
 * Two things are added. Recorders end a span a little after the work that waited for it went on, so a child that runs
 * into the next one by at most a tenth of its length still counts, until then; CRISP tolerates such an overlap too. And
 * a trace may go on after its root, which Jaeger leaves blank: there the spans that outlive the tree they stand in
 * carry the rest, asynchronous ones too.
 */
import { finishSteps, type Forest } from "./forest.ts";

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
  /** What finishes last comes first. */
  readonly candidates: readonly Candidate[];
  next: number;
}

type Shape = Pick<Forest, "start" | "end" | "children" | "tops" | "order" | "parent" | "totalNs">;

/** The share of a child's length by which it may run into the next one. */
const OVERLAP_SHARE_MAX = 0.1;
const STEP_PARTS = 2_048;

/** Kinds that nothing waits for, as in Jaeger's UI: messages are sent and received on their own. */
export function isAsyncKind(kind: string): boolean {
  return kind === "producer" || kind === "consumer";
}

const nothingAsync = (): boolean => false;

/**
 * Parts in time order; they never overlap. Gaps between trees belong to no span and are left out. `isAsync` says of a
 * span whether nothing waits for it; roots always count.
 */
export function criticalPath(
  forest: Shape,
  isAsync: (span: number) => boolean = nothingAsync,
): PathPart[] {
  return finishSteps(criticalPathSteps(forest, isAsync));
}

/** The same in steps, for a process that has others to serve. */
export function* criticalPathSteps(
  forest: Shape,
  isAsync: (span: number) => boolean = nothingAsync,
): Generator<void, PathPart[]> {
  const parts: PathPart[] = [];
  const emit = (span: number, from: number, to: number) => {
    if (span >= 0 && to > from) parts.push({ span, from, to });
  };
  const stack: Frame[] = [
    { span: -1, low: 0, cursor: forest.totalNs, candidates: topCandidates(forest), next: 0 },
  ];
  for (let turns = 0; stack.length > 0; turns++) {
    if (turns % STEP_PARTS === 0) yield;
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
    const candidates = childCandidates(forest, found, isAsync);
    stack.push({ span, low, cursor: high, candidates, next: 0 });
  }
  return parts.sort((a, b) => a.from - b.from || a.to - b.to);
}

function nextCandidate(frame: Frame): Candidate | undefined {
  while (frame.next < frame.candidates.length) {
    const candidate = frame.candidates[frame.next++];
    if (candidate === undefined || candidate.low >= frame.cursor) continue;
    const over = candidate.high - frame.cursor;
    // Between trees there is no parent that could have waited instead.
    if (frame.span >= 0 && over > (candidate.high - candidate.low) * OVERLAP_SHARE_MAX) continue;
    return { ...candidate, high: Math.min(candidate.high, frame.cursor) };
  }
  return undefined;
}

const lastFirst = (a: Candidate, b: Candidate) => b.high - a.high || a.low - b.low;

function childCandidates(
  forest: Shape,
  of: Candidate,
  isAsync: (span: number) => boolean,
): Candidate[] {
  const list: Candidate[] = [];
  for (const child of forest.children[of.span] ?? []) {
    if (isAsync(child)) continue;
    const low = Math.max(forest.start[child] ?? 0, of.low);
    const high = Math.min(forest.end[child] ?? 0, of.high);
    if (high > low) list.push({ span: child, low, high });
  }
  return list.length > 1 ? list.sort(lastFirst) : list;
}

/** The tops, and of every span that ends after its top the part beyond that. */
function topCandidates(forest: Shape): Candidate[] {
  const list: Candidate[] = [];
  const topEnd = new Float64Array(forest.start.length);
  for (const i of forest.order) {
    const p = forest.parent[i] ?? -1;
    const low = forest.start[i] ?? 0;
    const high = forest.end[i] ?? 0;
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
