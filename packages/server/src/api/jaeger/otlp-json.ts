/** Stored spans as OTLP JSON (`TracesData`), in pieces: consecutive spans of one resource and scope share their head. */
import { otlpKeyValues } from "@triptych/wire";
import type {
  StoredAttributes,
  StoredSpan,
  StoredSpans,
} from "../../store/clickhouse/select/traces.ts";
import type { Adjustment } from "./clock-skew.ts";
import { WARNINGS } from "./ui-trace.ts";

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];

export function* otlpTracesJson(
  spans: StoredSpans,
  adjustments: (index: number) => Adjustment,
): Generator<string> {
  let index = 0;
  yield '{"resourceSpans":[';
  let open: string | undefined;
  for (const span of spans) {
    const head = headOf(span);
    if (head === open) yield ",";
    else {
      if (open !== undefined) yield "]}]},";
      yield head;
      open = head;
    }
    yield JSON.stringify(otlpSpan(span, adjustments(index++)));
  }
  yield open === undefined ? "]}" : "]}]}]}";
}

function headOf(span: StoredSpan): string {
  const resource = JSON.stringify({ attributes: otlpKeyValues(span.resource) });
  const scope = JSON.stringify({
    ...(span.scopeName === "" ? {} : { name: span.scopeName }),
    ...(span.scopeVersion === "" ? {} : { version: span.scopeVersion }),
    ...attributesField(span.scope),
  });
  return `{"resource":${resource},"scopeSpans":[{"scope":${scope},"spans":[`;
}

function otlpSpan(span: StoredSpan, { shiftNs, warnings }: Adjustment): object {
  const code = STATUSES.indexOf(span.status);
  const { dropped } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.traceState === "" ? {} : { traceState: span.traceState }),
    ...(span.parentSpanId === "" ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.flags === 0 ? {} : { flags: span.flags }),
    name: span.name,
    ...(KINDS.indexOf(span.kind) > 0 ? { kind: KINDS.indexOf(span.kind) } : {}),
    startTimeUnixNano: String(span.startNs + shiftNs),
    endTimeUnixNano: String(span.startNs + shiftNs + BigInt(span.durationNs)),
    ...attributesField(span.attributes, warnings),
    ...(dropped.attributes === 0 ? {} : { droppedAttributesCount: dropped.attributes }),
    ...(dropped.events === 0 ? {} : { droppedEventsCount: dropped.events }),
    ...(dropped.links === 0 ? {} : { droppedLinksCount: dropped.links }),
    ...(span.events.length === 0
      ? {}
      : {
          events: span.events.map((event) => ({
            timeUnixNano: String(event.timeNs + shiftNs),
            name: event.name,
            ...attributesField(event.attributes),
          })),
        }),
    ...(span.links.length === 0
      ? {}
      : {
          links: span.links.map((link) => ({
            traceId: link.traceId,
            spanId: link.spanId,
            ...attributesField(link.attributes),
          })),
        }),
    status: {
      ...(span.statusMessage === "" ? {} : { message: span.statusMessage }),
      ...(code > 0 ? { code } : {}),
    },
  };
}

function attributesField(attributes: StoredAttributes, warnings: readonly string[] = []): object {
  const own = attributes.entries.length === 0 ? [] : otlpKeyValues(attributes);
  const values = warnings.map((stringValue) => ({ stringValue }));
  const added = values.length === 0 ? [] : [{ key: WARNINGS, value: { arrayValue: { values } } }];
  const all = [...own, ...added];
  return all.length === 0 ? {} : { attributes: all };
}
