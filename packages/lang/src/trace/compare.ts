/**
 * One trace beside another, or beside many of its kind. Spans are matched by their path: what stands at the top with
 * what stands at the top, and below each pair the children of the same service, operation and kind. Up to a few alike
 * siblings are matched by position, the first with the first; more of them, and spans of many traces, are one row with
 * counts. A row of many traces carries medians.
 *
 * What explains a difference is the time on the critical path: summed over rows it is the duration of the trace, so the
 * differences of the rows add up to the difference of the traces.
 */
import { isAsyncKind, criticalPathSteps, criticalTimes } from "./critical-path.ts";
import { type Forest, type ForestSpan, forestSteps } from "./forest.ts";

export interface ComparedSpan extends ForestSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly failed: boolean;
}

export interface MeasuredTrace {
  readonly spans: readonly ComparedSpan[];
  readonly forest: Forest;
  readonly criticalNs: Float64Array;
}

export interface CompareSide {
  /** Spans in this row; a median where there are many traces. */
  readonly spans: number;
  readonly failed: number;
  /** Summed over the spans of the row. */
  readonly durationNs: number;
  readonly selfNs: number;
  readonly criticalNs: number;
  /** Index of its first span in the trace; of the first trace that has it when there are many. */
  readonly first: number;
  /** In how many of the traces there is such a span; 1 for a single one. */
  readonly traces: number;
}

export interface CompareRow {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  /** Counts alike siblings that are matched one by one, from 1; 0 for a row with all of them. */
  readonly position: number;
  readonly depth: number;
  /** Index of the row above it, -1 at the top. */
  readonly parent: number;
  readonly here?: CompareSide;
  readonly there?: CompareSide;
}

/** More alike siblings than this on either side are one row. */
const POSITIONS_MAX = 5;
const STEP_ROWS = 64;

export function* measureSteps(spans: readonly ComparedSpan[]): Generator<void, MeasuredTrace> {
  const forest = yield* forestSteps(spans);
  const isAsync = (span: number): boolean => isAsyncKind(spans[span]?.kind ?? "");
  const parts = yield* criticalPathSteps(forest, isAsync);
  return { spans, forest, criticalNs: criticalTimes(parts, spans.length) };
}

/** Spans of one row: of this trace, and of each of the others. */
interface Members {
  readonly here: readonly number[];
  readonly there: readonly (readonly number[])[];
}
interface Pending extends Members {
  readonly like: ComparedSpan;
  readonly position: number;
  readonly depth: number;
  readonly parent: number;
}

/** Rows with parents before children, in the order of this trace; what only the others have comes after its siblings. */
export function* compareSteps(
  here: MeasuredTrace,
  others: readonly MeasuredTrace[],
): Generator<void, CompareRow[]> {
  const rows: CompareRow[] = [];
  const tops = { here: here.forest.tops, there: others.map(({ forest }) => forest.tops) };
  // Depth first with a stack of our own: chains of spans may be very long.
  const stack = pairs(here, others, { ...tops, depth: 0, parent: -1 }).reverse();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const index = rows.length;
    rows.push(rowOf(here, others, next));
    if (index % STEP_ROWS === 0) yield;
    const below = {
      here: childrenOf(here, next.here),
      there: others.map((other, i) => childrenOf(other, next.there[i] ?? [])),
      depth: next.depth + 1,
      parent: index,
    };
    stack.push(...pairs(here, others, below).reverse());
  }
  return rows;
}

function childrenOf({ forest }: MeasuredTrace, spans: readonly number[]): readonly number[] {
  const [only] = spans;
  if (spans.length === 1 && only !== undefined) return forest.children[only] ?? [];
  return spans.flatMap((span) => forest.children[span] ?? []);
}

function pairs(
  here: MeasuredTrace,
  others: readonly MeasuredTrace[],
  members: Members & { readonly depth: number; readonly parent: number },
): Pending[] {
  const { depth, parent } = members;
  const groups = new Map<string, { like: ComparedSpan; here: number[]; there: number[][] }>();
  const add = (of: MeasuredTrace, span: number, to: number): void => {
    const like = of.spans[span];
    if (like === undefined) return;
    const key = JSON.stringify([like.service, like.name, like.kind]);
    let group = groups.get(key);
    if (group === undefined) {
      group = { like, here: [], there: others.map(() => []) };
      groups.set(key, group);
    }
    (to < 0 ? group.here : (group.there[to] ?? [])).push(span);
  };
  for (const span of members.here) add(here, span, -1);
  members.there.forEach((spans, i) => {
    const other = others[i];
    if (other !== undefined) for (const span of spans) add(other, span, i);
  });
  return [...groups.values()].flatMap((group) => {
    const most = Math.max(group.here.length, group.there[0]?.length ?? 0);
    if (others.length !== 1 || most === 1 || most > POSITIONS_MAX)
      return [{ ...group, position: 0, depth, parent }];
    return Array.from({ length: most }, (_, i) => ({
      like: group.like,
      here: group.here.slice(i, i + 1),
      there: [(group.there[0] ?? []).slice(i, i + 1)],
      position: i + 1,
      depth,
      parent,
    }));
  });
}

function rowOf(
  here: MeasuredTrace,
  others: readonly MeasuredTrace[],
  { like, position, depth, parent, ...members }: Pending,
): CompareRow {
  const own = members.here.length === 0 ? undefined : sums(here, members.here);
  const theirs: Sums[] = [];
  let first = -1;
  members.there.forEach((spans, i) => {
    const other = others[i];
    if (other === undefined || spans.length === 0) return;
    if (first < 0) first = spans[0] ?? -1;
    theirs.push(sums(other, spans));
  });
  return {
    service: like.service,
    name: like.name,
    kind: like.kind,
    position,
    depth,
    parent,
    ...(own !== undefined && { here: { ...own, first: members.here[0] ?? -1, traces: 1 } }),
    ...(theirs.length > 0 && { there: { ...usualOf(theirs), first, traces: theirs.length } }),
  };
}

type Sums = Omit<CompareSide, "first" | "traces">;

function sums({ spans, forest, criticalNs }: MeasuredTrace, members: readonly number[]): Sums {
  let failed = 0;
  let durationNs = 0;
  let selfNs = 0;
  let onPath = 0;
  for (const i of members) {
    if (spans[i]?.failed === true) failed++;
    durationNs += (forest.end[i] ?? 0) - (forest.start[i] ?? 0);
    selfNs += forest.selfNs[i] ?? 0;
    onPath += criticalNs[i] ?? 0;
  }
  return { spans: members.length, failed, durationNs, selfNs, criticalNs: onPath };
}

function usualOf(list: readonly Sums[]): Sums {
  const [only] = list;
  if (list.length === 1 && only !== undefined) return only;
  const of = (key: keyof Sums): number => median(list.map((each) => each[key]));
  return {
    spans: of("spans"),
    failed: of("failed"),
    durationNs: of("durationNs"),
    selfNs: of("selfNs"),
    criticalNs: of("criticalNs"),
  };
}

/** The mean of the two in the middle when there is no one middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}
