/** Searching traces with TraceQL. */
import {
  attributeTests,
  fieldColumn,
  isTrue,
  printTraceqlAttribute,
  lastStatic,
  type Spanset,
  type Static,
  standingColumn,
  type Traceql,
} from "@triptych/lang";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import {
  hasDoubtfulSpans,
  type ServiceStats,
} from "../../store/clickhouse/select/traceql-search.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { createPacing } from "../pacing.ts";
import { planSpansets } from "./plan.ts";
import {
  type EvaluatedTrace,
  evaluateTraces,
  type Progress,
  pagesOverSlices,
  traceqlLimits,
  type Walk,
} from "./traces.ts";

export interface FoundSpan {
  readonly spanId: string;
  /** Only when the query asks for it. */
  readonly name?: string | undefined;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly attributes: readonly (readonly [name: string, value: Static])[];
}
export interface FoundSpanset {
  /** How many spans fit; `spans` are the first of them. */
  readonly matched: number;
  readonly spans: readonly FoundSpan[];
  readonly attributes: readonly (readonly [name: string, value: Static])[];
}
export interface FoundTrace {
  readonly traceId: string;
  readonly rootServiceName: string;
  readonly rootName: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly spansets: readonly FoundSpanset[];
  readonly services: ReadonlyMap<string, ServiceStats>;
}

export interface SearchOptions {
  readonly range: NsRange;
  readonly limit: number;
  readonly spansPerSpanset: number;
  readonly signal?: AbortSignal | undefined;
}
export interface SearchResult {
  readonly traces: readonly FoundTrace[];
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  /** False when a bound ended the search before everything was looked at. */
  readonly complete: boolean;
}

/** Newest first. The query must be one that has been validated. */
export async function searchTraceql(
  reader: Reader,
  pipeline: Traceql.Pipeline,
  options: SearchOptions,
): Promise<SearchResult> {
  const plan = planSpansets(pipeline, options.range);
  const walk: Walk = { reader, plan, pipeline, pacing: createPacing(options.signal) };
  const shown = shownAttributes(plan.attributes, pipeline);
  const progress: Progress = { traces: 0, spans: 0, cut: false };
  const seen = new Set<string>();
  const traces: FoundTrace[] = [];
  search: for (const condition of plan.candidates.keys()) {
    // The second one is of doubtful spans.
    if (condition > 0 && !(await hasDoubtfulSpans(reader, options.range))) break;
    const pages = pagesOverSlices(walk, {
      range: options.range,
      condition,
      size: Math.min(Math.max(20, options.limit), traceqlLimits.pageTracesMax),
    });
    for await (const page of pages) {
      // A trace can lie in several parts of the range.
      const ids = [...new Set(page)].filter((id) => !seen.has(id));
      for (const id of ids) seen.add(id);
      for await (const evaluated of evaluateTraces(walk, ids, progress)) {
        traces.push(foundTrace(evaluated, shown, options.spansPerSpanset));
        await walk.pacing.pause();
        if (traces.length >= options.limit) break search;
      }
      if (seen.size >= traceqlLimits.candidatesMax) {
        progress.cut = true;
        break search;
      }
    }
  }
  return {
    traces,
    inspectedTraces: progress.traces,
    inspectedSpans: progress.spans,
    complete: !progress.cut,
  };
}

/** Said of the span or the trace elsewhere in the answer. */
const ELSEWHERE = new Set([
  "name",
  "duration",
  "traceDuration",
  "rootServiceName",
  "rootName",
  "trace:id",
  "span:id",
]);

interface Shown {
  readonly named: boolean;
  readonly attributes: readonly {
    readonly attribute: Traceql.Attribute;
    /** Comparisons by which alone the query names it: it is shown where one of them holds. */
    readonly tests?: readonly Traceql.Binary[] | undefined;
  }[];
}

function shownAttributes(
  attributes: ReadonlyMap<string, Traceql.Attribute>,
  pipeline: Traceql.Pipeline,
): Shown {
  const tests = attributeTests(pipeline);
  return {
    named: attributes.has("name"),
    attributes: [...attributes]
      .filter(([, { intrinsic }]) => intrinsic === undefined || !ELSEWHERE.has(intrinsic))
      .map(([key, attribute]) => ({ attribute, tests: tests.get(key) })),
  };
}

function foundTrace(
  { trace, table, bound, spansets }: EvaluatedTrace,
  shown: Shown,
  spansMax: number,
): FoundTrace {
  const columns = shown.attributes.map(({ attribute, tests }) => {
    const fit = tests?.map((test) => fieldColumn(test, bound));
    const isShown = (row: number): boolean => fit?.some((one) => isTrue(one(row))) ?? true;
    return { name: labelOf(attribute), column: standingColumn(attribute, bound), isShown };
  });
  const names = shown.named
    ? table.column({
        kind: "attribute",
        scope: "none",
        parent: false,
        name: "name",
        intrinsic: "name",
        span: { start: 0, end: 0 },
      })
    : undefined;
  const spanOf = (row: number): FoundSpan => {
    const attributes = new Map<string, Static>();
    for (const { name, column, isShown } of columns) {
      const value = lastStatic(column(row));
      if (value.type === "nil" || attributes.has(name) || !isShown(row)) continue;
      attributes.set(name, value);
    }
    const name = names?.(row);
    return {
      spanId: table.spanId(row),
      ...(name?.type === "string" ? { name: name.value } : {}),
      startNs: table.startNs(row),
      durationNs: table.durationNs(row),
      attributes: [...attributes],
    };
  };
  const found = ({ rows, attributes }: Spanset): FoundSpanset => ({
    matched: rows.length,
    spans: rows.slice(0, spansMax).map(spanOf),
    attributes: attributes.map(({ name, value }) => [name, value] as const),
  });
  return {
    traceId: trace.traceId,
    rootServiceName: trace.rootServiceName,
    rootName: trace.rootName,
    startNs: trace.startNs,
    durationNs: trace.durationNs,
    spansets: spansets.map(found),
    services: trace.services,
  };
}

/** Attributes are shown by their bare name, intrinsics as they are written. */
function labelOf(attribute: Traceql.Attribute): string {
  return attribute.intrinsic === undefined ? attribute.name : printTraceqlAttribute(attribute);
}
