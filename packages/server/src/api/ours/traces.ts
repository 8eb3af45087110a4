/** Services and traces of our own HTTP API; the contract package says what each address takes and answers. */
import type {
  DifferenceAnswer,
  OperationsAnswer,
  ServicesAnswer,
  TraceHeatAnswer,
  TracesAnswer,
  UsualAnswer,
} from "@triptych/contract";
import { type Clock, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { wholePattern } from "../../regex/regex.ts";
import { traceDifference } from "../../query/traces/difference.ts";
import { traceHeat } from "../../query/traces/heat.ts";
import { searchTraces } from "../../query/traces/search.ts";
import { usualDurations } from "../../query/traces/usual.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { createReader, type Reader } from "../../store/clickhouse/select/reader.ts";
import { selectOperations, selectServices } from "../../store/clickhouse/select/services.ts";
import { selectTraces } from "../../store/clickhouse/select/traces.ts";
import type { NsRange, SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { sendJsonStream } from "./json-stream.ts";
import { invalid, type QueryParams, queryParams, quoted } from "./params.ts";
import { traceJson } from "./trace-json.ts";

export interface OwnTracesDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
}

const limits = {
  tracesStandard: 50,
  /** A page of a list; more is found by narrowing the search. */
  tracesMax: 500,
  columnsStandard: 60,
  /** A column is at least about four pixels wide. */
  columnsMax: 480,
  /** What a browser can hold; beyond it the trace is cut and says so. */
  spansMax: 200_000,
} as const;

export function registerOwnTraces(app: FastifyInstance, deps: OwnTracesDeps): void {
  const get = <T>(path: string, answer: (asked: Asked) => Promise<T>): void => {
    app.get(deps.prefix + path, (request, reply) => answer(ask(deps, request, reply)));
  };
  get("/services", services);
  get("/operations", operations);
  get("/traces", traces);
  get("/traces/heat", heat);
  get("/traces/difference", difference);
  get("/traces/usual", usual);
  get("/traces/:id", trace);
}

interface Asked {
  readonly clock: Clock;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly params: QueryParams;
  readonly reader: Reader;
  readonly info: ReturnType<typeof answerInfo>;
}

function ask(
  { engine, clock }: OwnTracesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Asked {
  const reader = createReader(engine, { signal: clientGone(reply) });
  return {
    clock,
    request,
    reply,
    params: queryParams(request.query),
    reader,
    info: answerInfo(clock, reader),
  };
}

const NS_PER_MS = 1_000_000n;

function rangeOf({
  params,
  clock,
}: Asked): NsRange & { readonly from: number; readonly to: number } {
  const { from, to } = params.range(clock);
  return { from, to, fromNs: BigInt(from) * NS_PER_MS, toNs: BigInt(to) * NS_PER_MS };
}

const nsOfMs = (ms: number): bigint => BigInt(Math.round(ms * 1e6));
/** A day short of what Int64 nanoseconds hold. */
const DURATION_MS_MAX = 9_000_000_000_000;

function durationNs(params: QueryParams, name: string): bigint | undefined {
  const ms = params.number(name, { min: 0, max: DURATION_MS_MAX });
  return ms === undefined ? undefined : nsOfMs(ms);
}

function filterOf(asked: Asked): SpanFilter {
  const { params } = asked;
  const { fromNs, toNs } = rangeOf(asked);
  return {
    range: { fromNs, toNs },
    service: params.text("service"),
    operation: params.text("operation"),
    minDurationNs: durationNs(params, "minDurationMs"),
    maxDurationNs: durationNs(params, "maxDurationMs"),
    status: params.oneOf("status", ["error", "ok"]),
    attributes: params.filters().map((filter) => ({
      ...filter,
      value: filter.op === "=~" || filter.op === "!~" ? wholePattern(filter.value) : filter.value,
    })),
  };
}

async function services(asked: Asked): Promise<ServicesAnswer> {
  const found = await selectServices(asked.reader, rangeOf(asked));
  return { services: found, ...asked.info() };
}

async function operations(asked: Asked): Promise<OperationsAnswer> {
  const found = await selectOperations(asked.reader, {
    service: asked.params.text("service"),
    range: rangeOf(asked),
  });
  const spans = new Map<string, number>();
  for (const { name, spans: count } of found) spans.set(name, (spans.get(name) ?? 0) + count);
  return {
    operations: [...spans].map(([name, count]) => ({ name, spans: count })),
    ...asked.info(),
  };
}

async function traces(asked: Asked): Promise<TracesAnswer> {
  const { params, reader } = asked;
  const found = await searchTraces(reader, filterOf(asked), {
    sort: params.oneOf("sort", ["time", "duration"]) ?? "time",
    limit: params.limit("limit", { standard: limits.tracesStandard, max: limits.tracesMax }),
  });
  return {
    traces: found.traces.map(({ startNs, ...rest }) => ({ ...rest, startNs: String(startNs) })),
    total: found.total,
    ...asked.info(found.marks),
  };
}

async function heat(asked: Asked): Promise<TraceHeatAnswer> {
  const columns = asked.params.limit("columns", {
    standard: limits.columnsStandard,
    max: limits.columnsMax,
  });
  const found = await traceHeat(asked.reader, filterOf(asked), columns);
  return { from: rangeOf(asked).from, ...found, ...asked.info() };
}

async function difference(asked: Asked): Promise<DifferenceAnswer> {
  const { params } = asked;
  const { from, to } = rangeOf(asked);
  const bounds = { min: 0, max: DURATION_MS_MAX };
  const boxFrom = params.number("boxFrom", bounds) ?? from;
  const boxTo = params.number("boxTo", bounds) ?? to;
  if (boxFrom >= boxTo)
    throw invalid(`the box boxFrom=${boxFrom} boxTo=${boxTo} is empty: it must have a width`);
  const { marks, ...found } = await traceDifference(asked.reader, filterOf(asked), {
    range: { fromNs: nsOfMs(boxFrom), toNs: nsOfMs(boxTo) },
    minDurationNs: durationNs(params, "boxMinMs") ?? 0n,
    maxDurationNs: durationNs(params, "boxMaxMs") ?? nsOfMs(DURATION_MS_MAX),
  });
  return { ...found, ...asked.info(marks) };
}

async function usual(asked: Asked): Promise<UsualAnswer> {
  const required = (name: string): string => {
    const value = asked.params.text(name);
    if (value === undefined) throw invalid(`"${name}" is missing: it names the ${name} to look at`);
    return value;
  };
  const found = await usualDurations(asked.reader, {
    service: required("service"),
    name: required("operation"),
    range: rangeOf(asked),
  });
  return { ...found, ...asked.info() };
}

async function trace(asked: Asked): Promise<FastifyReply> {
  const { id } = asked.request.params as { readonly id: string };
  const traceId = id.toLowerCase().padStart(32, "0");
  if (!/^[0-9a-f]{32}$/.test(traceId))
    throw invalid(`${quoted(id)} is not a trace id: it has up to 32 hexadecimal digits`);
  const spans = await selectTraces(asked.reader, {
    traceIds: [traceId],
    spansMax: limits.spansMax,
  });
  if (spans.count === 0)
    throw new TriptychError("not_found", `no span of trace ${traceId} is stored`);
  const marks = spans.cut
    ? [`Only the first ${limits.spansMax} spans of this trace are shown.`]
    : [];
  return sendJsonStream(
    asked.reply,
    traceJson(traceId, spans, () => asked.info(marks)),
  );
}
