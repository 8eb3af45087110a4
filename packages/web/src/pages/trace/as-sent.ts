/** The times of a trace as its senders gave them, where the server shifted spans because clocks disagree. */
import type { ShownSpan, ShownTrace } from "./shown-trace.ts";

const corrected = /^Clocks of hosts disagree/;

export function hasSkew(trace: ShownTrace): boolean {
  return trace.spans.some((span) => span.skewNs !== undefined);
}

/** The same trace without shifts; its start may be another one. */
export function asSent(trace: ShownTrace): ShownTrace {
  const sent = (span: ShownSpan): number => span.offsetNs - (span.skewNs ?? 0);
  const earliest = trace.spans.reduce((least, span) => Math.min(least, sent(span)), Infinity);
  const origin = Number.isFinite(earliest) ? earliest : 0;
  const spans = trace.spans.map(({ skewNs = 0, ...span }): ShownSpan => {
    const by = skewNs + origin;
    return {
      ...span,
      offsetNs: span.offsetNs - by,
      ...(span.events !== undefined && {
        events: span.events.map((event) => ({ ...event, offsetNs: event.offsetNs - by })),
      }),
    };
  });
  return {
    ...trace,
    startNs: String(BigInt(trace.startNs) + BigInt(Math.round(origin))),
    durationNs: spans.reduce((most, span) => Math.max(most, span.offsetNs + span.durationNs), 0),
    spans,
    marks: trace.marks.filter((mark) => !corrected.test(mark)),
  };
}
