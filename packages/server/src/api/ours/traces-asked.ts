/** What every address about traces takes: the time range, the filters, trace ids. */
import type { AttributeFilter } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { spansSearch } from "../../query/search-bar/spans-search.ts";
import { wholePattern } from "../../regex/regex.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { createReader, type Reader } from "../../store/clickhouse/select/reader.ts";
import type {
  AttributeCondition,
  NsRange,
  SpanFilter,
} from "../../store/clickhouse/select/traces-filter.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { invalid, type QueryParams, queryParams, quoted } from "./params.ts";

export interface OwnTracesDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
}

export interface Asked {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly params: QueryParams;
  readonly reader: Reader;
  readonly info: ReturnType<typeof answerInfo>;
}

/** `values` are the query string unless given. */
export function askOf(
  { engine, clock }: OwnTracesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  values: unknown = request.query,
): Asked {
  const reader = createReader(engine, { signal: clientGone(reply) });
  return {
    engine,
    clock,
    request,
    reply,
    params: queryParams(values),
    reader,
    info: answerInfo(clock, reader),
  };
}

const NS_PER_MS = 1_000_000n;

export function rangeOf({
  params,
  clock,
}: Asked): NsRange & { readonly from: number; readonly to: number } {
  const { from, to } = params.range(clock);
  return { from, to, fromNs: BigInt(from) * NS_PER_MS, toNs: BigInt(to) * NS_PER_MS };
}

export const nsOfMs = (ms: number): bigint => BigInt(Math.round(ms * 1e6));
/** A day short of what Int64 nanoseconds hold. */
export const DURATION_MS_MAX = 9_000_000_000_000;

export function durationNs(params: QueryParams, name: string): bigint | undefined {
  const ms = params.number(name, { min: 0, max: DURATION_MS_MAX });
  return ms === undefined ? undefined : nsOfMs(ms);
}

export function filterOf(asked: Asked): SpanFilter {
  const { params } = asked;
  const { fromNs, toNs } = rangeOf(asked);
  const search = params.text("search");
  return {
    range: { fromNs, toNs },
    service: params.text("service"),
    operation: params.text("operation"),
    minDurationNs: durationNs(params, "minDurationMs"),
    maxDurationNs: durationNs(params, "maxDurationMs"),
    status: params.oneOf("status", ["error", "ok"]),
    attributes: conditionsOf(params.filters()),
    search: search === undefined ? undefined : spansSearch(search, asked.clock.nowMs()),
  };
}

export function conditionsOf(filters: readonly AttributeFilter[]): AttributeCondition[] {
  return filters.map((filter) => ({
    ...filter,
    value: filter.op === "=~" || filter.op === "!~" ? wholePattern(filter.value) : filter.value,
  }));
}

/** The trace of a path `/traces/:id`. */
export function traceIdOf(request: FastifyRequest): string {
  return parseTraceId((request.params as { readonly id: string }).id);
}

export function parseTraceId(text: string): string {
  const traceId = text.toLowerCase().padStart(32, "0");
  if (!/^[0-9a-f]{32}$/.test(traceId))
    throw invalid(`${quoted(text)} is not a trace id: it has up to 32 hexadecimal digits`);
  return traceId;
}
