/** What every handler of Loki's API works with. */
import {
  parseLogql,
  parseStreamSelector,
  placeOf,
  checkLogql,
  checkLogqlSelector,
  type LogqlExpr,
} from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { KeptSteps } from "../../query/kept-steps.ts";
import type { LogDeletes } from "../../query/log-deletes/log-deletes.ts";
import { pipelineDeps } from "../../query/logql/pipeline-deps.ts";
import { planSelector } from "../../query/logql/plan.ts";
import type { AttributeKeys } from "../../query/logs/attribute-keys.ts";
import type { LogAsk, LogCondition, LogSource } from "../../query/logs/source.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";

export interface Exchange {
  readonly params: URLSearchParams;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ask: LogAsk & {
    readonly signal: AbortSignal;
    readonly cost: { rowsRead: number; bytesRead: number };
  };
}

export interface Context {
  readonly engine: Engine;
  readonly source: LogSource;
  readonly clock: Clock;
  /** When a query is given up. */
  readonly timeoutMs: number;
  readonly keys: AttributeKeys;
  /** Absent: every query computes all of its steps. */
  readonly kept?: KeptSteps | undefined;
  /** Absent where deleting is not switched on. */
  readonly deletes?: LogDeletes | undefined;
}

export type Handler = (context: Context, exchange: Exchange) => Promise<FastifyReply>;

export const nowNs = (clock: Clock): bigint => BigInt(Math.floor(clock.nowMs())) * 1_000_000n;

/** Errors in a query text are told with line and column. */
export function located<T>(text: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TriptychError) || error.offset === undefined) throw error;
    const { line, column } = placeOf(text, error.offset);
    const message = `parse error at line ${line}, col ${column}: ${error.message}`;
    throw new TriptychError(error.code, message, { offset: error.offset, cause: error });
  }
}

/** A query that can be run. */
export function parsedQuery(text: string, clock: Clock): LogqlExpr {
  return located(text, () => {
    const expr = parseLogql(text);
    checkLogql(expr, pipelineDeps(clock));
    return expr;
  });
}

/** Conditions of a stream selector, which must ask for something. */
export function selectorConditions(text: string, clock: Clock): LogCondition[] {
  return located(text, () => {
    const matchers = parseStreamSelector(text);
    checkLogqlSelector({ matchers, span: { start: 0, end: text.length } }, pipelineDeps(clock));
    return planSelector(matchers);
  });
}

/** The optional selector that narrows an answer; `{}` and nothing are all lines. */
export function optionalConditions(text: string, clock: Clock): LogCondition[] {
  const bare = text.trim();
  return bare === "" || /^\{\s*\}$/.test(bare) ? [] : selectorConditions(text, clock);
}
