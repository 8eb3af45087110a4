/** Goes through the candidates of a pipeline, newest first, in bounded pieces, and evaluates it over each trace. */
import { bindTable, pipelineOver, type Spanset, type Traceql, wholeTrace } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import {
  type Candidate,
  type StoredTrace,
  type StoredTraces,
  selectCandidates,
  selectStoredTraces,
} from "../../store/clickhouse/select/traceql-search.ts";
import { type StoredTable, selectSpanTable } from "../../store/clickhouse/select/traceql-table.ts";
import { selectTraceTimes } from "../../store/clickhouse/select/traces.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { slices } from "../../store/clickhouse/select/traces-search.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";
import { inSteps, type Pacing } from "../pacing.ts";
import { planSpansets, type SpansetPlan } from "./plan.ts";

export const traceqlLimits = {
  /** Candidates of one page: their ids are one parameter, and their spans one answer. */
  pageTracesMax: 400,
  /** Spans of several traces that are in memory at once. */
  spansAtOnceMax: 200_000,
  /** A larger trace is cut here. */
  spansOfOneMax: 500_000,
  /** Candidates that one query looks at. Beyond this the answer is what was found. */
  candidatesMax: 50_000,
  /** Spans that one metrics query evaluates outside the store. */
  metricsSpansMax: 5_000_000,
} as const;

export interface EvaluatedTrace {
  readonly trace: StoredTrace;
  readonly table: StoredTable;
  readonly bound: ReturnType<typeof bindTable>;
  readonly spansets: readonly Spanset[];
}

export interface Walk {
  readonly reader: Reader;
  readonly pacing: Pacing;
  readonly plan: SpansetPlan;
  readonly pipeline: Traceql.Pipeline;
  /** Attributes to read besides those of the pipeline. */
  readonly also?: ReadonlyMap<string, Traceql.Attribute> | undefined;
}

export interface Progress {
  traces: number;
  spans: number;
  /** Set when a bound ended the search. */
  cut: boolean;
}

/** Pages of candidates for one condition and range. */
export async function* candidatePages(
  { reader, plan }: Pick<Walk, "reader" | "plan">,
  where: {
    readonly range: NsRange;
    readonly condition: Sql | undefined;
    readonly firstPage: number;
  },
): AsyncGenerator<Candidate[]> {
  let size = Math.min(where.firstPage, traceqlLimits.pageTracesMax);
  let after: Candidate | undefined;
  for (;;) {
    const page = await selectCandidates(
      reader,
      { range: where.range, condition: where.condition, others: plan.others, limit: size },
      after,
    );
    if (page.length > 0) yield page;
    if (page.length < size) return;
    after = page.at(-1);
    size = Math.min(size * 4, traceqlLimits.pageTracesMax);
  }
}

/**
 * Ids of candidates newest first from ever older parts of the range, in pages of about `size`: what follows of a page
 * costs the same for one trace as for many, so parts with few candidates are put together.
 */
export async function* pagesOverSlices(
  { reader, pipeline }: Walk,
  where: {
    readonly range: NsRange;
    /** Which of the conditions of a plan. */
    readonly condition: number;
    readonly size: number;
  },
): AsyncGenerator<string[]> {
  const { size } = where;
  let waiting: string[] = [];
  for (const range of slices(where.range, () => waiting.length / size)) {
    // Made for each part: a condition can look at other spans of a trace, near this part only.
    const plan = planSpansets(pipeline, range);
    const condition = plan.candidates[where.condition];
    for await (const page of candidatePages(
      { reader, plan },
      { range, condition, firstPage: size },
    )) {
      waiting.push(...page.map(({ traceId }) => traceId));
      if (waiting.length < size) continue;
      yield waiting;
      waiting = [];
    }
  }
  if (waiting.length > 0) yield waiting;
}

/** Evaluates the pipeline over the traces with these ids, in their order. Traces in which nothing fits are left out. */
export async function* evaluateTraces(
  walk: Walk,
  traceIds: readonly string[],
  progress: Progress,
): AsyncGenerator<EvaluatedTrace> {
  const times = traceIds.length === 0 ? undefined : await selectTraceTimes(walk.reader, traceIds);
  if (times === undefined) return;
  const facts = new Map<string, StoredTrace>();
  const read = (ids: readonly string[]) => readTable(walk, { range: times, byId: facts }, ids);
  // What a trace is as a whole is not needed to read its spans.
  const [stored, whole] = await Promise.all([
    selectStoredTraces(walk.reader, traceIds, times),
    read(traceIds),
  ]);
  for (const [id, trace] of stored.byId) facts.set(id, trace);
  let first: StoredTable | undefined = whole;
  const pieces = [...traceIds];
  let size = pieces.length;
  while (pieces.length > 0) {
    const ids = pieces.splice(0, size);
    const table: StoredTable = first ?? (await read(ids));
    first = undefined;
    if (table.cut && ids.length > 1) {
      pieces.unshift(...ids);
      size = Math.ceil(ids.length / 2);
      continue;
    }
    if (table.cut) progress.cut = true;
    progress.spans += table.rows;
    progress.traces += table.traceIds.length;
    yield* evaluateTable(walk, table, stored);
  }
}

function readTable(
  { reader, plan, also }: Walk,
  stored: StoredTraces,
  traceIds: readonly string[],
): Promise<StoredTable> {
  return selectSpanTable(reader, {
    traceIds,
    range: stored.range,
    condition: plan.read,
    attributes: also === undefined ? plan.attributes : new Map([...plan.attributes, ...also]),
    facts: stored.byId,
    rowsMax: traceIds.length === 1 ? traceqlLimits.spansOfOneMax : traceqlLimits.spansAtOnceMax,
  });
}

async function* evaluateTable(
  walk: Walk,
  table: StoredTable,
  stored: StoredTraces,
): AsyncGenerator<EvaluatedTrace> {
  const bound = bindTable(table, walk.pipeline, compileRegex);
  const evaluate = pipelineOver(walk.pipeline, bound);
  for (const [i, traceId] of table.traceIds.entries()) {
    const trace = stored.byId.get(traceId);
    if (trace === undefined) continue;
    const all = wholeTrace(table.traceStarts[i] as number, table.traceStarts[i + 1] as number);
    const spansets = await inSteps(evaluate([all]), walk.pacing);
    await walk.pacing.pause();
    if (spansets.length > 0) yield { trace, table, bound, spansets };
  }
}

export function tooManySpans(): TriptychError {
  return new TriptychError(
    "query_limit",
    `the query would evaluate more than ${traceqlLimits.metricsSpansMax} spans one by one; a shorter range, or a filter that needs no whole traces, does not`,
  );
}
