/** The clocks of one stored trace: what to add to its spans for display. Nothing stored changes. */
import { clockSkew, type ForestSpan, forestSteps } from "@triptych/lang";
import type { SpanShape } from "../../store/clickhouse/select/span-shape.ts";
import type { StoredSpans } from "../../store/clickhouse/select/traces.ts";

export interface TraceTimes {
  /** The earliest start after shifting; 0 for no spans. */
  readonly originNs: bigint;
  /** By the position of the span in what was given. */
  readonly shiftNs: Float64Array;
  /** Shifts that were too large to be a clock's, and not made. */
  readonly refusedNs: ReadonlyMap<number, number>;
  readonly shifted: number;
  readonly largestNs: number;
  readonly rootMissing: boolean;
  /** Spans whose parent is named but not there, and those that repeat an id. */
  readonly orphans: ReadonlySet<number>;
  readonly twins: ReadonlySet<number>;
}

/** Shapes that are read in one step. */
const STEP_SPANS = 2_048;

/** The shapes of spans in a list. */
export function* shapesSteps(spans: StoredSpans): Generator<void, SpanShape[]> {
  const out: SpanShape[] = [];
  for (const shape of spans.shapes()) if (out.push(shape) % STEP_SPANS === 0) yield;
  return out;
}

/** `correct` off leaves all times as they were sent. */
export function* traceTimesSteps(
  shapes: readonly SpanShape[],
  correct: boolean,
): Generator<void, TraceTimes> {
  const first = shapes.reduce<bigint | undefined>(
    (least, { startNs }) => (least === undefined || startNs < least ? startNs : least),
    undefined,
  );
  const origin = first ?? 0n;
  yield;
  const forest = yield* forestSteps(
    shapes.map(
      (shape): ForestSpan => ({
        spanId: shape.spanId,
        parentSpanId: shape.parentSpanId,
        offsetNs: Number(shape.startNs - origin),
        durationNs: shape.durationNs,
      }),
    ),
  );
  const { orphans, twins, circles, tops } = forest;
  const rootMissing = shapes.length > 0 && tops.length <= orphans.size + circles.size;
  const none = { shiftNs: new Float64Array(shapes.length), refusedNs: new Map() };
  const skew = correct
    ? clockSkew({
        forest,
        hostOf: (i) => shapes[i]?.host ?? "",
        serviceOf: (i) => shapes[i]?.service ?? "",
        kindOf: (i) => (shapes[i]?.kind ?? "").toLowerCase(),
      })
    : { ...none, shifted: 0, largestNs: 0 };
  yield;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < shapes.length; i++)
    least = Math.min(least, (forest.start[i] ?? 0) + (skew.shiftNs[i] ?? 0));
  const originNs = Number.isFinite(least) ? origin + BigInt(Math.round(least)) : origin;
  return { originNs, ...skew, rootMissing, orphans, twins };
}

/** What was done, as sentences for the marks of an answer. */
export function skewMarks({ shifted, largestNs, refusedNs }: TraceTimes): string[] {
  const spans = (count: number): string => (count === 1 ? "1 span is" : `${count} spans are`);
  return [
    ...(shifted > 0
      ? [`Clocks of hosts disagree: ${spans(shifted)} shown shifted, by up to ${words(largestNs)}.`]
      : []),
    ...(refusedNs.size > 0
      ? [
          `${spans(refusedNs.size)} more than a day away from what caused it: no clock explains that, so the times were left.`,
        ]
      : []),
  ];
}

function words(ns: number): string {
  const ms = ns / 1e6;
  if (ms < 1) return `${Number((ns / 1e3).toPrecision(3))} µs`;
  return ms < 1_000
    ? `${Number(ms.toPrecision(3))} ms`
    : `${Number((ms / 1_000).toPrecision(3))} s`;
}
