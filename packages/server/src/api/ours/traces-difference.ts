/** `/traces/difference` of our own HTTP API: a selection from parameters or a JSON body, and what sets it apart. */
import type { DifferenceAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { spanDifference, traceDifference } from "../../query/traces/difference.ts";
import { all, join, type Sql, sql, texts } from "../../store/clickhouse/sql.ts";
import {
  selectDurationQuantile,
  type Unit,
} from "../../store/clickhouse/select/traces-difference.ts";
import {
  type AttributeCondition,
  inRange,
  type NsRange,
  type SpanFilter,
  spanCondition,
  spanConditions,
} from "../../store/clickhouse/select/traces-filter.ts";
import { type TraceBox, traceIdsCondition } from "../../store/clickhouse/select/traces-search.ts";
import { invalid, queryParams, quoted } from "./params.ts";
import {
  type Asked,
  askOf,
  conditionsOf,
  DURATION_MS_MAX,
  durationNs,
  filterOf,
  nsOfMs,
  type OwnTracesDeps,
  parseTraceId,
  rangeOf,
} from "./traces-asked.ts";

/** Of a list in a body. */
const IDS_MAX = 10_000;
/** The last time that the store's nanosecond columns can hold. */
const TIME_MS_MAX = 9_223_372_036_854;

export function registerDifference(app: FastifyInstance, deps: OwnTracesDeps): void {
  const path = `${deps.prefix}/traces/difference`;
  app.get(path, (request, reply) =>
    difference(askOf(deps, request, reply), request.query as Values),
  );
  app.post(path, (request, reply) => {
    const values = { ...(request.query as Values), ...bodyValues(request.body) };
    return difference(askOf(deps, request, reply, values), values);
  });
}

interface Values {
  readonly [name: string]: unknown;
}

/** A body takes the parameters as text, numbers, or lists of these. */
function bodyValues(body: unknown): Values {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalid("the body is not a JSON object of parameters");
  const asText = (value: unknown): unknown => (typeof value === "number" ? String(value) : value);
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(asText) : asText(value),
    ]),
  );
}

interface Selection {
  readonly box: TraceBox | undefined;
  readonly quantile: number | undefined;
  readonly minDurationNs: bigint | undefined;
  readonly maxDurationNs: bigint | undefined;
  readonly like: Pick<SpanFilter, "service" | "operation" | "status"> & {
    readonly attributes: readonly AttributeCondition[];
  };
  readonly traceIds: readonly string[];
  readonly spanIds: readonly string[];
}

async function difference(asked: Asked, values: Values): Promise<DifferenceAnswer> {
  const { params, reader } = asked;
  const filter = filterOf(asked);
  const selection = selectionOf(asked, values);
  const base = baseOf(asked, filter);
  const chosenBy = chosenKeys(selection);
  if (
    chosenBy.size === 0 &&
    selection.traceIds.length + selection.spanIds.length === 0 &&
    base === undefined
  )
    throw invalid(
      "nothing is selected: give a box (boxFrom …), pickStatus, pickQuantile or another pick…, traceId, spanId, or a range to compare with (baseFrom, baseTo)",
    );
  const unit = params.oneOf<Unit>("unit", ["spans", "traces"]) ?? usualUnit(selection);
  const edge =
    selection.quantile === undefined
      ? undefined
      : await selectDurationQuantile(reader, filter, { unit, quantile: selection.quantile });
  const minDurationNs = largest(
    selection.minDurationNs,
    edge === undefined || Number.isNaN(edge) ? undefined : BigInt(Math.ceil(edge)),
  );
  const query = { filter, selection: { ...selection, minDurationNs }, base, chosenBy };
  const { found, marks } =
    unit === "traces" ? await ofTraces(reader, query) : await ofSpans(reader, query);
  return { ...found, ...asked.info(marks) };
}

interface Query {
  readonly filter: SpanFilter;
  readonly selection: Selection;
  readonly base: SpanFilter | undefined;
  readonly chosenBy: ReadonlySet<string>;
}

function ofTraces(reader: Asked["reader"], { filter, selection, base, chosenBy }: Query) {
  const { box, minDurationNs, maxDurationNs, traceIds } = selection;
  const spans = [...likeConditions(selection), ...spanIdCondition(selection)];
  return traceDifference(reader, {
    filter,
    pick: {
      box,
      minDurationNs,
      maxDurationNs,
      traceIds: traceIds.length > 0 ? traceIds : undefined,
      spans: spans.length > 0 ? all(spans) : undefined,
    },
    base,
    chosenBy,
  });
}

function ofSpans(reader: Asked["reader"], { filter, selection, base, chosenBy }: Query) {
  const { box, minDurationNs, maxDurationNs, traceIds } = selection;
  const within: NsRange = box === undefined ? filter.range : box.range;
  const inside = all([
    ...(base === undefined && box === undefined ? [] : [inRange(overlapOf(filter.range, within))]),
    ...spanConditions({ range: filter.range, minDurationNs, maxDurationNs }),
    ...(box === undefined
      ? []
      : spanConditions({
          range: filter.range,
          minDurationNs: box.minDurationNs,
          maxDurationNs: box.maxDurationNs - 1n,
        })),
    ...likeConditions(selection),
    ...spanIdCondition(selection),
    ...(traceIds.length === 0 ? [] : [traceIdsCondition(traceIds)]),
  ]);
  const population = spanCondition(filter);
  const where =
    base === undefined
      ? population
      : sql`((${population} AND (${inside})) OR (${spanCondition(base)} AND NOT (${inside})))`;
  return spanDifference(reader, { where, inside: sql`(${inside})`, chosenBy });
}

function overlapOf(a: NsRange, b: NsRange): NsRange {
  return {
    fromNs: a.fromNs > b.fromNs ? a.fromNs : b.fromNs,
    toNs: a.toNs < b.toNs ? a.toNs : b.toNs,
  };
}

function largest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

function likeConditions({ like }: Selection): Sql[] {
  // The range is the population's; here only what a span must be like counts.
  return spanConditions({ range: { fromNs: 0n, toNs: 0n }, ...like });
}

function spanIdCondition({ spanIds }: Selection): Sql[] {
  return spanIds.length === 0 ? [] : [join([sql`SpanId IN ${texts(spanIds)}`], " AND ")];
}

/** What stands in a box or a list of traces are traces; everything else is said of spans. */
function usualUnit({ box, traceIds, spanIds }: Selection): Unit {
  return box !== undefined || (traceIds.length > 0 && spanIds.length === 0) ? "traces" : "spans";
}

function selectionOf(asked: Asked, values: Values): Selection {
  const { params } = asked;
  const quantile = params.number("pickQuantile", { min: 0, max: 1 });
  return {
    box: boxOf(asked),
    quantile,
    minDurationNs: durationNs(params, "pickMinDurationMs"),
    maxDurationNs: durationNs(params, "pickMaxDurationMs"),
    like: {
      service: params.text("pickService"),
      operation: params.text("pickOperation"),
      status: params.oneOf("pickStatus", ["error", "ok"]),
      // biome-ignore lint/complexity/useLiteralKeys: the values have an index signature
      attributes: conditionsOf(queryParams({ attr: values["pickAttr"] }).filters()),
    },
    // biome-ignore lint/complexity/useLiteralKeys: the values have an index signature
    traceIds: idsOf("traceId", values["traceId"]).map(parseTraceId),
    // biome-ignore lint/complexity/useLiteralKeys: the values have an index signature
    spanIds: idsOf("spanId", values["spanId"]).map(parseSpanId),
  };
}

function boxOf({ params, ...asked }: Asked): TraceBox | undefined {
  const names = ["boxFrom", "boxTo", "boxMinMs", "boxMaxMs"];
  if (names.every((name) => params.text(name) === undefined)) return undefined;
  const { from, to } = rangeOf({ params, ...asked });
  const bounds = { min: 0, max: DURATION_MS_MAX };
  const boxFrom = params.number("boxFrom", bounds) ?? from;
  const boxTo = params.number("boxTo", bounds) ?? to;
  if (boxFrom >= boxTo)
    throw invalid(`the box boxFrom=${boxFrom} boxTo=${boxTo} is empty: it must have a width`);
  return {
    range: { fromNs: nsOfMs(boxFrom), toNs: nsOfMs(boxTo) },
    minDurationNs: durationNs(params, "boxMinMs") ?? 0n,
    maxDurationNs: durationNs(params, "boxMaxMs") ?? nsOfMs(DURATION_MS_MAX),
  };
}

function baseOf({ params }: Asked, filter: SpanFilter): SpanFilter | undefined {
  const bounds = { min: 0, max: TIME_MS_MAX };
  const from = params.number("baseFrom", bounds);
  const to = params.number("baseTo", bounds);
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined || from >= to)
    throw invalid(`the range baseFrom=${from} baseTo=${to} is empty: it needs both, in order`);
  return { ...filter, range: { fromNs: nsOfMs(from), toNs: nsOfMs(to) } };
}

function idsOf(name: string, value: unknown): string[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  if (list.length > IDS_MAX)
    throw invalid(`"${name}" has ${list.length} ids, more than ${IDS_MAX}`);
  return list.map((id) => {
    if (typeof id !== "string") throw invalid(`"${name}" holds something that is not an id`);
    return id;
  });
}

function parseSpanId(text: string): string {
  const id = text.toLowerCase().padStart(16, "0");
  if (!/^[0-9a-f]{16}$/.test(id))
    throw invalid(`${quoted(text)} is not a span id: it has up to 16 hexadecimal digits`);
  return id;
}

/** What the selection itself decides: comparing that would tell nothing. */
function chosenKeys(selection: Selection): Set<string> {
  const { box, quantile, minDurationNs, maxDurationNs, like } = selection;
  const keys = new Set<string>();
  if ([box, quantile, minDurationNs, maxDurationNs].some((bound) => bound !== undefined))
    keys.add("duration");
  if (like.service !== undefined) keys.add("service").add("resource.service.name");
  if (like.operation !== undefined) keys.add("operation");
  if (like.status !== undefined) keys.add("status");
  for (const { scope, key } of like.attributes) {
    keys.add(`${scope}.${key}`);
    if (scope === "any") keys.add(`span.${key}`);
  }
  return keys;
}
