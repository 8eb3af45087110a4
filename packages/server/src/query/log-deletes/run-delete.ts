/**
 * Deletes the lines that a LogQL query finds: by the store where it can do all of the query, else line by line here,
 * by their names. Days come one after another, and what is kept in memory is bounded.
 */
import { checkLogql, compilePipeline, type LogqlQuery, parseLogql } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import {
  daysOfLines,
  deleteLines,
  deleteNamedLines,
  type LineName,
  NAMES_PER_STATEMENT,
} from "../../store/clickhouse/delete-lines.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import type { LogCondition, LogRange } from "../../store/clickhouse/select/logs-filter.ts";
import { pipelineDeps } from "../logql/pipeline-deps.ts";
import { planQuery } from "../logql/plan.ts";
import { readLines } from "../logql/read-lines.ts";
import { createPacing } from "../pacing.ts";

/** Up to which of its records a journal's lines were there when the request came. */
export interface JournalHead {
  readonly writer: number;
  readonly seq: bigint;
}

export interface DeleteQuestion {
  readonly query: LogqlQuery;
  readonly range: LogRange;
  readonly heads: readonly JournalHead[];
}

export interface DeleteProgress {
  readonly lines: number;
  /** Of the days that have lines at all. */
  readonly days: number;
  readonly daysDone: number;
}

/** Throws `query_invalid`, also for queries that give numbers. */
export function deleteQuery(text: string, clock: Clock): LogqlQuery {
  const expr = parseLogql(text);
  checkLogql(expr, pipelineDeps(clock));
  if (expr.kind !== "log_query")
    throw new TriptychError("query_invalid", "only a log query says which lines to delete");
  return expr;
}

const LINES_PER_PAUSE = 32;
const DAY_MS = 86_400_000;
const noLimits = { linesMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };

/** Gives how many lines were deleted. Stops between statements when `signal` is aborted (`query_cancelled`). */
export async function runDelete(
  deps: { readonly engine: Engine; readonly clock: Clock },
  question: DeleteQuestion,
  how: { readonly signal: AbortSignal; readonly progress: (made: DeleteProgress) => void },
): Promise<number> {
  const { query, range, heads } = question;
  const { signal } = how;
  const there: LogCondition = { kind: "stored_by", heads };
  const { conditions, applied } = planQuery(query);
  const all = [there, ...conditions];
  const days = await daysOfLines(deps.engine, { range, conditions: [there] }, signal);
  let lines = 0;
  for (const [daysDone, { day }] of days.entries()) {
    how.progress({ lines, days: days.length, daysDone });
    const filter = { range: within(range, day), conditions: all };
    const [found] = await daysOfLines(deps.engine, filter, signal);
    if (found === undefined) continue;
    if (signal.aborted) throw new TriptychError("query_cancelled", "the request was cancelled");
    if (applied === query.stages.length) {
      await deleteLines(deps.engine, day, filter);
      lines += found.lines;
    } else lines += await deleteFound(deps, { query, applied, day, ...filter }, signal);
  }
  return lines;
}

/** The part of a range that lies on a day such as `20231114`. */
function within({ fromNs, toNs }: LogRange, day: number): LogRange {
  const firstMs = Date.UTC(Math.floor(day / 10_000), (Math.floor(day / 100) % 100) - 1, day % 100);
  const first = BigInt(firstMs) * 1_000_000n;
  const last = BigInt(firstMs + DAY_MS) * 1_000_000n;
  return { fromNs: fromNs > first ? fromNs : first, toNs: toNs < last ? toNs : last };
}

interface FoundHere {
  readonly query: LogqlQuery;
  readonly applied: number;
  readonly day: number;
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

/** Reading goes on behind the last line read, so that deleting meanwhile moves nothing. */
async function deleteFound(
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  { query, applied, day, range, conditions }: FoundHere,
  signal: AbortSignal,
): Promise<number> {
  const pipeline = compilePipeline(query, pipelineDeps(clock), {
    from: applied,
    levelFallback: true,
  });
  const pacing = createPacing(signal);
  let names: LineName[] = [];
  let lines = 0;
  const read = { range, conditions, order: "oldest" } as const;
  for await (const batch of readLines(engine, read, { ask: { signal }, limits: noLimits })) {
    for (let row = 0; row < batch.rows; row++) {
      const input = {
        timeNs: batch.timeNs(row),
        text: batch.text(row),
        stream: batch.stream(row),
        metadata: batch.metadata(row),
      };
      if (pipeline.run(input)) names.push(batch.place(row));
      if (row % LINES_PER_PAUSE === 0) await pacing.pause();
      if (names.length < NAMES_PER_STATEMENT) continue;
      await deleteNamedLines(engine, day, names);
      lines += names.length;
      names = [];
    }
  }
  await deleteNamedLines(engine, day, names);
  return lines + names.length;
}
