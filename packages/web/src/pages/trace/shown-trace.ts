/**
 * A trace as its page holds it: with everything when it is small; of a large one only what the waterfall draws, and the
 * rest of a span is read when somebody looks at it.
 */
import {
  type Attribute,
  type Span,
  spanKinds,
  spanStatuses,
  type TraceAnswer,
  type TraceOutline,
} from "@triptych/contract";

type Detail = "attributes" | "events" | "links" | "resource" | "scope";
/** All details are there or none. */
export type ShownSpan = Omit<Span, Detail> & { readonly [K in Detail]?: Span[K] | undefined };

export interface ShownTrace extends Omit<TraceAnswer, "spans" | "resources" | "scopes"> {
  readonly spans: readonly ShownSpan[];
  readonly resources: TraceAnswer["resources"];
  /** Whether spans lack their details. */
  readonly isOutline: boolean;
}

/** A span with its details, and the attributes of its resource. */
export interface SpanDetails {
  readonly span: Span;
  readonly resource: readonly Attribute[];
}

export function shownTrace(answer: TraceAnswer | TraceOutline): ShownTrace {
  if (!("columns" in answer)) return { ...answer, isOutline: false };
  const { columns, orphans, statusMessages, skewNs, dropped, names, services, ...rest } = answer;
  const messages = new Map(statusMessages);
  const skews = new Map(skewNs);
  const lost = new Map(dropped);
  const strangers = new Map(orphans);
  const spans = columns.spanId.map((spanId, i): ShownSpan => {
    const skew = skews.get(i);
    const counts = lost.get(i);
    return {
      spanId,
      parentSpanId: columns.spanId[columns.parent[i] ?? -1] ?? strangers.get(i) ?? "",
      name: names[columns.name[i] ?? -1] ?? "",
      service: services[columns.service[i] ?? -1] ?? "",
      kind: spanKinds[Number(columns.kind[i])] ?? "unspecified",
      status: spanStatuses[Number(columns.status[i])] ?? "unset",
      statusMessage: messages.get(i) ?? "",
      offsetNs: columns.offsetNs[i] ?? 0,
      durationNs: columns.durationNs[i] ?? 0,
      ...(skew !== undefined && { skewNs: skew }),
      ...(counts !== undefined && { dropped: counts }),
    };
  });
  return { ...rest, spans, resources: [], isOutline: true };
}

/** The details of a span where the trace has them. */
export function ownDetails(trace: ShownTrace, span: ShownSpan): SpanDetails | undefined {
  const { attributes, events, links, resource, scope } = span;
  if (attributes === undefined || events === undefined || links === undefined) return undefined;
  if (resource === undefined || scope === undefined) return undefined;
  return {
    span: { ...span, attributes, events, links, resource, scope },
    resource: trace.resources[resource]?.attributes ?? [],
  };
}

/**
 * The details of a shown span from an answer that has the spans with its id. Times of that answer are as they were sent
 * and count from its own start, so they are moved to where the span is shown.
 */
export function detailsFrom(answer: TraceAnswer, shown: ShownSpan): SpanDetails | undefined {
  const found =
    answer.spans.find((span) => span.name === shown.name && span.durationNs === shown.durationNs) ??
    answer.spans[0];
  if (found === undefined) return undefined;
  const byNs = shown.offsetNs - found.offsetNs;
  const { attributes, links, resource, scope } = found;
  const events = found.events.map((event) => ({ ...event, offsetNs: event.offsetNs + byNs }));
  return {
    span: { ...shown, attributes, events, links, resource, scope },
    resource: answer.resources[resource]?.attributes ?? [],
  };
}
