/** The clocks of one stored trace: what to add to its spans for display. Nothing stored changes. */
import { clockSkew, type ForestSpan, forestSteps } from "@triptych/lang";
import type { SpanShape } from "../../store/clickhouse/select/span-shape.ts";

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
  /** The first span of each id. */
  readonly byId: ReadonlyMap<string, number>;
}

/** Shapes that are read in one step. */
const STEP_SPANS = 2_048;

/** What clocks are told from, as columns: an object for each span of a large trace would be most of the work. */
export interface ShapeColumns {
  readonly count: number;
  readonly traceId: readonly string[];
  readonly spanId: readonly string[];
  readonly parentSpanId: readonly string[];
  readonly service: readonly string[];
  readonly kind: readonly string[];
  readonly host: readonly string[];
  readonly startNs: BigInt64Array;
  readonly durationNs: Float64Array;
}

/** The shapes of `count` spans. `also` sees each once, before it is gone. */
export function* shapesSteps<T extends SpanShape>(
  spans: { readonly count: number; shapes(): Iterable<T> },
  also?: (shape: T, at: number) => void,
): Generator<void, ShapeColumns> {
  const { count } = spans;
  const texts = () => new Array<string>(count).fill("");
  const [traceId, spanId, parentSpanId] = [texts(), texts(), texts()];
  const [service, kind, host] = [texts(), texts(), texts()];
  const startNs = new BigInt64Array(count);
  const durationNs = new Float64Array(count);
  let at = 0;
  for (const shape of spans.shapes()) {
    traceId[at] = shape.traceId;
    spanId[at] = shape.spanId;
    parentSpanId[at] = shape.parentSpanId;
    service[at] = shape.service;
    kind[at] = shape.kind;
    host[at] = shape.host;
    startNs[at] = shape.startNs;
    durationNs[at] = shape.durationNs;
    also?.(shape, at);
    if (++at % STEP_SPANS === 0) yield;
  }
  return { count, traceId, spanId, parentSpanId, service, kind, host, startNs, durationNs };
}

/** Those of the spans `from .. to` alone. */
export function shapesPart(shapes: ShapeColumns, from: number, to: number): ShapeColumns {
  return {
    count: to - from,
    traceId: shapes.traceId.slice(from, to),
    spanId: shapes.spanId.slice(from, to),
    parentSpanId: shapes.parentSpanId.slice(from, to),
    service: shapes.service.slice(from, to),
    kind: shapes.kind.slice(from, to),
    host: shapes.host.slice(from, to),
    startNs: shapes.startNs.subarray(from, to),
    durationNs: shapes.durationNs.subarray(from, to),
  };
}

/** `correct` off leaves all times as they were sent. */
export function* traceTimesSteps(
  shapes: ShapeColumns,
  correct: boolean,
): Generator<void, TraceTimes> {
  const { count } = shapes;
  let origin = shapes.startNs[0] ?? 0n;
  for (const startNs of shapes.startNs) if (startNs < origin) origin = startNs;
  yield;
  const forest = yield* forestSteps(
    Array.from(
      { length: count },
      (_, i): ForestSpan => ({
        spanId: shapes.spanId[i] ?? "",
        parentSpanId: shapes.parentSpanId[i] ?? "",
        offsetNs: Number((shapes.startNs[i] ?? origin) - origin),
        durationNs: shapes.durationNs[i] ?? 0,
      }),
    ),
  );
  const { orphans, twins, circles, tops, byId } = forest;
  const rootMissing = count > 0 && tops.length <= orphans.size + circles.size;
  const none = { shiftNs: new Float64Array(count), refusedNs: new Map() };
  const skew = correct
    ? clockSkew({
        forest,
        hostOf: (i) => shapes.host[i] ?? "",
        serviceOf: (i) => shapes.service[i] ?? "",
        kindOf: (i) => (shapes.kind[i] ?? "").toLowerCase(),
      })
    : { ...none, shifted: 0, largestNs: 0 };
  yield;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++)
    least = Math.min(least, (forest.start[i] ?? 0) + (skew.shiftNs[i] ?? 0));
  const originNs = Number.isFinite(least) ? origin + BigInt(Math.round(least)) : origin;
  return { originNs, ...skew, rootMissing, orphans, twins, byId };
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
