/** What a handler of Tempo's API is given. */
import { parseTraceql, type Traceql, validateTraceql } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { checkPattern } from "../../regex/regex.ts";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import { bad } from "./params.ts";

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly params: URLSearchParams;
  readonly reader: Reader;
  readonly clock: Clock;
  /** Fires when the client goes away or the time for the query is over. */
  readonly signal: AbortSignal;
}
export type Handler = (exchange: Exchange) => Promise<unknown>;

/** A query that may be evaluated. */
export function checkedQuery(text: string): Traceql.TraceqlQuery {
  const query = parseTraceql(text);
  validateTraceql(query, checkPattern);
  return query;
}

export function requiredQuery(text: string | undefined): Traceql.TraceqlQuery {
  if (text === undefined)
    throw bad("the parameter q is missing: a TraceQL query such as { } | rate()");
  return checkedQuery(text);
}

/** `metrics` of every answer: what was read. 64-bit numbers are text in protobuf's JSON. */
export function readMetrics({ bytesRead }: Reader): object {
  return { inspectedBytes: String(bytesRead), totalJobs: 1, completedJobs: 1, totalBlocks: 1 };
}
