/** A stored trace as the text of a `TraceAnswer`, span by span, so that a trace of any size is sent in pieces. */
import type { AnswerInfo, Attribute, Span, TraceAnswer } from "@triptych/contract";
import { attributesOf } from "../../query/traces/attributes.ts";
import type { TraceTimes } from "../../query/traces/skew.ts";
import type {
  StoredAttributes,
  StoredSpan,
  StoredSpans,
} from "../../store/clickhouse/select/traces.ts";

const kinds = {
  Unspecified: "unspecified",
  Internal: "internal",
  Server: "server",
  Client: "client",
  Producer: "producer",
  Consumer: "consumer",
} as const satisfies { readonly [kind: string]: Span["kind"] };
const statuses = { Unset: "unset", Ok: "ok", Error: "error" } as const satisfies {
  readonly [status: string]: Span["status"];
};

/** `times` are those of `spans.shapes()`; `info` is asked for last, when everything was read. */
export function* traceJson(
  traceId: string,
  { spans, times }: { readonly spans: StoredSpans; readonly times: TraceTimes },
  info: () => AnswerInfo,
): Generator<string> {
  const resources = new Interned<TraceAnswer["resources"][number]>();
  const scopes = new Interned<TraceAnswer["scopes"][number]>();
  const keys = new Keys();
  const startNs = times.originNs;
  let durationNs = 0;
  let index = 0;
  yield `{"traceId":${JSON.stringify(traceId)},"startNs":"${startNs}","spans":[`;
  for (const span of spans) {
    if (index > 0) yield ",";
    const skewNs = times.shiftNs[index++] ?? 0;
    const offsetNs = Number(span.startNs - startNs) + skewNs;
    durationNs = Math.max(durationNs, offsetNs + span.durationNs);
    const resource = resources.of(`${span.service}\n${keys.of(span.resource)}`, () => ({
      service: span.service,
      attributes: attributesOf(span.resource),
    }));
    const scope = scopes.of(`${span.scopeName}\n${span.scopeVersion}`, () => ({
      name: span.scopeName,
      version: span.scopeVersion,
    }));
    yield JSON.stringify(spanOf(span, startNs - BigInt(skewNs), { resource, scope, skewNs }));
  }
  const { rootMissing } = times;
  const rest = {
    durationNs,
    rootMissing,
    resources: resources.items,
    scopes: scopes.items,
    ...info(),
  };
  yield `],${JSON.stringify(rest).slice(1)}`;
}

/** `startNs` is that of the trace on the clock of this span. */
function spanOf(
  span: StoredSpan,
  startNs: bigint,
  { resource, scope, skewNs }: { resource: number; scope: number; skewNs: number },
): Span {
  return {
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    service: span.service,
    kind: kinds[span.kind as keyof typeof kinds] ?? "unspecified",
    status: statuses[span.status as keyof typeof statuses] ?? "unset",
    statusMessage: span.statusMessage,
    offsetNs: Number(span.startNs - startNs),
    durationNs: span.durationNs,
    ...(skewNs !== 0 && { skewNs }),
    attributes: withDetails(span),
    resource,
    scope,
    events: span.events.map((event) => ({
      name: event.name,
      offsetNs: Number(event.timeNs - startNs),
      attributes: attributesOf(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: attributesOf(link.attributes),
    })),
    ...(Object.values(span.dropped).some((count) => count > 0) && { dropped: span.dropped }),
  };
}

/** The W3C trace state has no field of its own; it is shown among the attributes, as Jaeger does. */
function withDetails(span: StoredSpan): readonly Attribute[] {
  const attributes = attributesOf(span.attributes);
  return span.traceState === ""
    ? attributes
    : [...attributes, ["w3c.tracestate", "string", span.traceState]];
}

function keyOf({ entries, kinds: digits }: StoredAttributes): string {
  return `${digits}\n${JSON.stringify(entries)}`;
}

/** Spans share the objects of their resources, so a key is made once for each. */
class Keys {
  private readonly known = new Map<StoredAttributes, string>();
  of(attributes: StoredAttributes): string {
    let key = this.known.get(attributes);
    if (key === undefined) {
      key = keyOf(attributes);
      this.known.set(attributes, key);
    }
    return key;
  }
}

class Interned<T> {
  readonly items: T[] = [];
  private readonly byKey = new Map<string, number>();
  of(key: string, make: () => T): number {
    let index = this.byKey.get(key);
    if (index === undefined) {
      index = this.items.length;
      this.items.push(make());
      this.byKey.set(key, index);
    }
    return index;
  }
}
