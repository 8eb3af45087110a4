/** A table over spans in memory: for test scripts, and for what has been read span by span. */
import type { Attribute } from "./ast.ts";
import { NIL, type SpanKindName, type SpanStatus, type Static, stringStatic } from "./static.ts";
import type { Column, SpanTable } from "./table.ts";

export type AttributeMap = ReadonlyMap<string, Static>;

export interface MemorySpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly service: string;
  readonly kind: SpanKindName;
  readonly status: SpanStatus;
  readonly statusMessage: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly attributes: AttributeMap;
  readonly resource: AttributeMap;
  readonly scope: AttributeMap;
  readonly events: readonly {
    readonly name: string;
    readonly timeNs: bigint;
    readonly attributes: AttributeMap;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: AttributeMap;
  }[];
}

/** What a trace is as a whole. Names are empty while the root is not there. */
export interface TraceSummary {
  readonly rootName: string;
  readonly rootServiceName: string;
  readonly startNs: bigint;
  readonly durationNs: number;
}

/** Shown in place of the service of a root that is not there. */
export const ROOT_MISSING = "<root span not yet received>";

export interface MemoryTable extends SpanTable {
  readonly spans: readonly MemorySpan[];
  readonly summaries: readonly TraceSummary[];
}

/** Puts spans of the same trace together, in the order in which the traces first occur. */
export function memoryTable(spans: readonly MemorySpan[]): MemoryTable {
  const byTrace = new Map<string, MemorySpan[]>();
  for (const span of spans) {
    const list = byTrace.get(span.traceId);
    if (list === undefined) byTrace.set(span.traceId, [span]);
    else list.push(span);
  }
  const ordered: MemorySpan[] = [];
  const traceStarts = [0];
  const summaries: TraceSummary[] = [];
  const summaryOf: TraceSummary[] = [];
  for (const list of byTrace.values()) {
    const summary = summarized(list);
    summaries.push(summary);
    for (const span of list) {
      ordered.push(span);
      summaryOf.push(summary);
    }
    traceStarts.push(ordered.length);
  }
  const at = (row: number): MemorySpan => ordered[row] as MemorySpan;
  return {
    rows: ordered.length,
    traceStarts,
    spans: ordered,
    summaries,
    spanId: (row) => at(row).spanId,
    parentId: (row) => at(row).parentId,
    column: (attribute) => columnOf(attribute, at, (row) => summaryOf[row] as TraceSummary),
    items: (attribute) => itemsOf(attribute, at),
  };
}

function summarized(spans: readonly MemorySpan[]): TraceSummary {
  let startNs = spans[0]?.startNs ?? 0n;
  let endNs = startNs;
  for (const span of spans) {
    if (span.startNs < startNs) startNs = span.startNs;
    const end = span.startNs + BigInt(span.durationNs);
    if (end > endNs) endNs = end;
  }
  const root = spans.find((span) => span.parentId === "" && span.spanId !== "");
  return {
    rootName: root?.name ?? "",
    rootServiceName: root?.service ?? "",
    startNs,
    durationNs: Number(endNs - startNs),
  };
}

type SpanAt = (row: number) => MemorySpan;

function columnOf(
  attribute: Attribute,
  at: SpanAt,
  summary: (row: number) => TraceSummary,
): Column {
  if (attribute.intrinsic !== undefined) return intrinsicColumn(attribute, at, summary);
  const { name } = attribute;
  const missing = isServiceName(attribute) ? stringStatic("") : NIL;
  const own = (map: AttributeMap): Static => map.get(name) ?? NIL;
  switch (attribute.scope) {
    case "span":
      return (row) => own(at(row).attributes);
    case "resource":
      return (row) => at(row).resource.get(name) ?? missing;
    case "instrumentation":
      return (row) => own(at(row).scope);
    case "event":
    case "link": {
      const items = itemsOf(attribute, at);
      return (row) => arrayStatic(items(row));
    }
    default:
      return (row) => {
        const { attributes, resource } = at(row);
        return attributes.get(name) ?? resource.get(name) ?? missing;
      };
  }
}

/** The values of each event or link. */
function itemsOf(attribute: Attribute, at: SpanAt): (row: number) => readonly Static[] {
  const { name, scope } = attribute;
  switch (attribute.intrinsic) {
    case "event:name":
      return (row) => at(row).events.map((event) => stringStatic(event.name));
    case "event:timeSinceStart":
      return (row) => {
        const { events, startNs } = at(row);
        return events.map(({ timeNs }) => ({ type: "duration", value: Number(timeNs - startNs) }));
      };
    case "link:traceID":
      return (row) => at(row).links.map(({ traceId }) => stringStatic(traceId));
    case "link:spanID":
      return (row) => at(row).links.map(({ spanId }) => stringStatic(spanId));
    default:
      return (row) => {
        const items = scope === "event" ? at(row).events : at(row).links;
        return items.map(({ attributes }) => attributes.get(name) ?? NIL);
      };
  }
}

/** What several events or links have: one value as itself, none as nil. Those that have none are left out. */
export function arrayStatic(items: readonly Static[]): Static {
  const values = items.filter(({ type }) => type !== "nil");
  const [first] = values;
  if (first === undefined) return NIL;
  if (values.length === 1) return first;
  const { type } = first;
  const of = type === "int" || type === "float" || type === "bool" ? type : "string";
  return { type: "array", of, items: values, several: true };
}

/** The name of the service is empty where it is missing, never nil. */
export function isServiceName({ scope, name, intrinsic, parent }: Attribute): boolean {
  const found = scope === "resource" || scope === "none";
  return found && name === "service.name" && intrinsic === undefined && !parent;
}

/** The id of the parent as it is shown and compared: a root's is zeros. */
export const shownParentId = (id: string): string => (id === "" ? "0".repeat(16) : id);

function intrinsicColumn(
  attribute: Attribute,
  at: SpanAt,
  summary: (row: number) => TraceSummary,
): Column {
  switch (attribute.intrinsic) {
    case "name":
      return (row) => stringStatic(at(row).name);
    case "status":
      return (row) => ({ type: "status", value: at(row).status });
    case "statusMessage":
      return (row) => stringStatic(at(row).statusMessage);
    case "kind":
      return (row) => ({ type: "kind", value: at(row).kind });
    case "duration":
      return (row) => ({ type: "duration", value: at(row).durationNs });
    case "span:id":
      return (row) => stringStatic(at(row).spanId);
    case "span:parentID":
      return (row) => stringStatic(shownParentId(at(row).parentId));
    case "trace:id":
      return (row) => stringStatic(at(row).traceId);
    case "traceDuration":
      return (row) => ({ type: "duration", value: summary(row).durationNs });
    case "rootName":
      return (row) => stringStatic(summary(row).rootName);
    case "rootServiceName":
      return (row) => stringStatic(summary(row).rootServiceName);
    case "event:name":
    case "event:timeSinceStart":
    case "link:traceID":
    case "link:spanID": {
      const items = itemsOf(attribute, at);
      return (row) => arrayStatic(items(row));
    }
    case "instrumentation:name":
      return (row) => stringStatic(at(row).scopeName);
    case "instrumentation:version":
      return (row) => stringStatic(at(row).scopeVersion);
    default:
      return () => NIL;
  }
}
