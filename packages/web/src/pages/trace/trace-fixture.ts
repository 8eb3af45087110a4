/** Builds traces for tests from short lines: `[id, parent, start, end, service?]`. */
import type { Span, TraceAnswer } from "@triptych/contract";
import { type ShownTrace, shownTrace } from "./shown-trace.ts";

export type Line = readonly [
  id: string,
  parent: string,
  start: number,
  end: number,
  service?: string,
];

export function traceOf(
  lines: readonly Line[],
  change: (span: Span, i: number) => Span = (s) => s,
): TraceAnswer {
  const spans = lines.map(([spanId, parentSpanId, from, to, service], i) =>
    change(
      {
        spanId,
        parentSpanId,
        name: `op ${spanId}`,
        service: service ?? "shop",
        kind: "internal",
        status: "unset",
        statusMessage: "",
        offsetNs: from,
        durationNs: to - from,
        attributes: [],
        resource: 0,
        scope: 0,
        events: [],
        links: [],
      },
      i,
    ),
  );
  return {
    traceId: "1".padStart(32, "0"),
    startNs: "1773325385000000000",
    durationNs: Math.max(...lines.map((line) => line[3])),
    rootMissing: false,
    resources: [],
    scopes: [],
    spans,
    tookMs: 1,
    rowsRead: spans.length,
    bytesRead: 0,
    marks: [],
  };
}

/** The same as the page holds it. */
export const shownOf = (...given: Parameters<typeof traceOf>): ShownTrace =>
  shownTrace(traceOf(...given));
