/** What the routes of the Prometheus API share: the question, whom it is asked for, and how it is answered. */
import {
  type Matcher,
  parsePromql,
  parseSeriesSelector,
  placeInBytes,
  type PromqlExpr,
  type PromqlResult,
  selectorMatchers,
} from "@triptych/lang";
import { type Clock, type Limits, TriptychError } from "@triptych/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Cardinality } from "../../query/cardinality/cardinality.ts";
import type { KeptSteps } from "../../query/kept-steps.ts";
import { seriesMatchers } from "../../query/metrics/matchers.ts";
import type { Ask, MetricsSource, SeriesMatcher } from "../../query/metrics/source.ts";
import { compileRegex } from "../../regex/compile.ts";
import type { SharedQueries } from "../../query/shared-queries.ts";
import type { QueryMemoryBudget } from "../../self/query-memory.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { type Piece, sendJsonStream } from "../ours/json-stream.ts";
import type { Gate } from "./gate.ts";
import { success, TRUNCATED } from "./result.ts";
import type { PrometheusViews } from "./views.ts";

export interface Exchange {
  readonly params: URLSearchParams;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ask: Ask & { readonly signal: AbortSignal; readonly timeoutMs: number };
  /** Calls when the answer was sent, or nobody waits for it any more. */
  readonly atEnd: (run: () => void) => void;
}

export interface Context {
  readonly source: MetricsSource;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly cardinality: Cardinality;
  /** The step of subqueries that name none. */
  readonly subqueryIntervalMs: () => number | undefined;
  /** Queries that run at the same time. */
  readonly queryGate: Gate;
  /** What queries hold is taken from it. */
  readonly memory: QueryMemoryBudget | undefined;
  readonly sharedQueries: SharedQueries<Evaluated>;
  /** Absent: every query computes all of its steps. */
  readonly kept: KeptSteps | undefined;
  readonly readGate: Gate;
  readonly views: PrometheusViews;
  /** Sorted by name. */
  readonly externalLabels: () => readonly (readonly [name: string, value: string])[];
}

/** A query's result, and when its evaluation began. */
export interface Evaluated {
  readonly result: PromqlResult;
  readonly startedMs: number;
}

export type Handler = (context: Context, exchange: Exchange) => Promise<FastifyReply>;
export type Method = "GET" | "POST" | "PUT";
export type Route = readonly [methods: readonly Method[], path: string, Handler];

export const NO_NOTES = { warnings: [], infos: [] };

/** Sends what `data` writes; a cut by the limit becomes a warning. */
export function answer(
  { reply }: Exchange,
  data: (cut: () => void) => Iterable<Piece>,
  notes: { readonly warnings: readonly string[]; readonly infos: readonly string[] } = NO_NOTES,
): Promise<FastifyReply> {
  const warnings = [...notes.warnings];
  const cut = (): void => {
    warnings.push(TRUNCATED);
  };
  return sendJsonStream(
    reply,
    success(data(cut), () => ({ warnings, infos: notes.infos })),
    "application/json",
  );
}

/** A small answer. */
export function answerJson(exchange: Exchange, data: unknown): Promise<FastifyReply> {
  return answer(exchange, () => [JSON.stringify(data)]);
}

/** An answer without anything in it. */
export async function noContent({ reply }: Exchange): Promise<FastifyReply> {
  return reply.code(204).send();
}

/** Errors in a query text are told with line and column. */
function located<T>(text: string, run: () => T, before: string): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TriptychError) || error.offset === undefined) throw error;
    const { line, column } = placeInBytes(text, error.offset);
    const place = text === "" ? "unknown position" : `${line}:${column}`;
    const message = `${before}${place}: parse error: ${error.message}`;
    throw new TriptychError(error.code, message, { offset: error.offset, cause: error });
  }
}

/** The expression that `query` holds. Some endpoints of Prometheus name the parameter in the error and some do not. */
export function queryOf(
  params: URLSearchParams,
  named: "named" | "bare" = "named",
): { text: string; expr: PromqlExpr } {
  const text = params.get("query") ?? "";
  const before = named === "named" ? 'invalid parameter "query": ' : "";
  return { text, expr: located(text, () => parsePromql(text, { compileRegex }), before) };
}

/** The repeated `match[]`; each is one selector. */
export function selectorsOf(
  params: URLSearchParams,
  named: "named" | "bare" = "named",
): SeriesMatcher[][] {
  return params.getAll("match[]").map((text) => selectorOf(text, named));
}

/** What the parser says of a selector for queries; of `match[]` Prometheus says it in other words. */
const EMPTY_SELECTOR = "vector selector must contain at least one non-empty matcher";
const EMPTY_MATCH = "match[] must contain at least one non-empty matcher";

function selectorOf(text: string, named: "named" | "bare"): SeriesMatcher[] {
  return seriesMatchers(matchersOf(text, named === "named" ? 'invalid parameter "match[]": ' : ""));
}

/** The matchers of one `match[]`; errors begin with `before`. */
export function matchersOf(text: string, before = ""): readonly Matcher[] {
  const read = (): readonly Matcher[] => {
    try {
      return selectorMatchers(parseSeriesSelector(text, { compileRegex }));
    } catch (error) {
      if (!(error instanceof TriptychError) || error.message !== EMPTY_SELECTOR) throw error;
      throw new TriptychError("query_invalid", before + EMPTY_MATCH, { cause: error });
    }
  };
  return located(text, read, before);
}
