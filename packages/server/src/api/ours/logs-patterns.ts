/** Templates of the lines that a request is about. */
import type { LogPatternsAnswer } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import { foundPatterns } from "../../query/logs/found-patterns.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import type { answerInfo } from "./answer-info.ts";
import { logFilterOf } from "./logs-filter.ts";
import type { QueryParams } from "./params.ts";

const limits = {
  columnsStandard: 40,
  columnsMax: 240,
  patternsStandard: 200,
  patternsMax: 1_000,
} as const;

export async function logPatternsAnswer(
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  params: QueryParams,
  asked: {
    readonly ask: Parameters<typeof foundPatterns>[2];
    readonly info: ReturnType<typeof answerInfo>;
  },
): Promise<LogPatternsAnswer> {
  const filter = logFilterOf(params, clock);
  const { from, to } = filter;
  const columns = params.limit("columns", {
    standard: limits.columnsStandard,
    max: limits.columnsMax,
  });
  const limit = params.limit("limit", {
    standard: limits.patternsStandard,
    max: limits.patternsMax,
  });
  const stepMs = Math.max(1, Math.ceil((to - from) / columns));
  const steps = { fromMs: from, stepMs, count: Math.ceil((to - from) / stepMs) };
  const found = await foundPatterns(engine, { filter, steps }, asked.ask);
  const marks: string[] = [];
  if (found.every > 1)
    marks.push(
      `one in ${found.every} lines was looked at: counts are estimates, and a rare pattern may be missing`,
    );
  if (found.patterns.length > limit)
    marks.push(`only the ${limit} commonest of ${found.patterns.length} patterns are listed`);
  // Where nothing was before, everything would be new, which says nothing.
  const isComparable = found.totalBefore > 0;
  const patterns = found.patterns.map(({ before, ...pattern }) => ({
    ...pattern,
    before,
    isNew: isComparable && before === 0,
  }));
  const listed = new Set(patterns.slice(0, limit));
  return {
    ...asked.info(marks),
    from,
    stepMs,
    total: found.total,
    totalBefore: found.totalBefore,
    distinct: patterns.length,
    // New ones are what one looks for: they are listed however rare.
    patterns: patterns
      .filter((pattern) => listed.has(pattern) || pattern.isNew)
      .slice(0, 2 * limit),
  };
}
