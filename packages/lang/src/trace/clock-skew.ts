/**
 * Clocks of hosts that disagree, found in the one way a trace shows it: a span of another host lies outside of the span
 * that caused it. The shift is the one that Jaeger's query service makes (its `CorrectClockSkew` adjuster): where the
 * child fits into its parent's length, it is put into the middle, as if the network took as long there as back; a child
 * longer than its parent is moved only when it starts before it, to the parent's start. Spans below on the same host
 * move along; a parent has moved before its children are looked at.
 *
 * Hosts are told apart by the key that `hostOf` gives, or where it is not known by service: Jaeger takes every span
 * without a host for a host of its own, which moves asynchronous work inside one process. And a message is received any
 * time after it was sent, so spans received (`consumer`) or sent (`producer`) are moved only when they start before
 * their cause.
 */
import { isAsyncKind } from "./critical-path.ts";
import type { Forest } from "./forest.ts";

export interface ClockSkew {
  /** What to add to the times of each span, nanoseconds. */
  readonly shiftNs: Float64Array;
  /** Spans whose shift would have been larger than the bound; they were left where they are. */
  readonly refusedNs: ReadonlyMap<number, number>;
  readonly shifted: number;
  /** The largest shift made, without its sign. */
  readonly largestNs: number;
}

export interface SkewInput {
  readonly forest: Pick<Forest, "start" | "end" | "parent" | "order">;
  /** Which host a span ran on; "" when it does not say. */
  readonly hostOf: (span: number) => string;
  readonly serviceOf: (span: number) => string;
  readonly kindOf: (span: number) => string;
}

/** A day. Clocks that are wrong by more are not clocks: the time was made up or never set. */
export const SKEW_NS_MAX = 86_400e9;

export function clockSkew({ forest, hostOf, serviceOf, kindOf }: SkewInput): ClockSkew {
  const { start, end, parent, order } = forest;
  const shiftNs = new Float64Array(start.length);
  const refusedNs = new Map<number, number>();
  const keyOf = (span: number): string => hostOf(span) || `service ${serviceOf(span)}`;
  let shifted = 0;
  let largestNs = 0;
  for (const span of order) {
    const p = parent[span] ?? -1;
    if (p < 0) continue;
    const inherited = shiftNs[p] ?? 0;
    if (keyOf(span) === keyOf(p)) shiftNs[span] = inherited;
    else {
      const wanted = shiftOf(
        [(start[p] ?? 0) + inherited, (end[p] ?? 0) + inherited],
        [start[span] ?? 0, end[span] ?? 0],
        isAsyncKind(kindOf(span)),
      );
      if (Math.abs(wanted) > SKEW_NS_MAX) refusedNs.set(span, wanted);
      else shiftNs[span] = wanted;
    }
    const size = Math.abs(shiftNs[span] ?? 0);
    if (size > 0) shifted++;
    if (size > largestNs) largestNs = size;
  }
  return { shiftNs, refusedNs, shifted, largestNs };
}

type Interval = readonly [from: number, to: number];

/** How far to move a child; whole nanoseconds. */
function shiftOf([from, to]: Interval, [childFrom, childTo]: Interval, async: boolean): number {
  const room = to - from - (childTo - childFrom);
  if (async || room < 0) return Math.max(0, from - childFrom);
  if (childFrom >= from && childTo <= to) return 0;
  return from + Math.floor(room / 2) - childFrom;
}
