/** Services and traces of our own HTTP API; the contract package says what each address takes and answers. */
import type {
  CriticalPathAnswer,
  OperationsAnswer,
  SearchSuggestions,
  ServicesAnswer,
  TraceComparisonAnswer,
  TraceHeatAnswer,
  TracesAnswer,
  UsualAnswer,
} from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import {
  compareTraces,
  compareWithUsual,
  readCriticalPath,
} from "../../query/traces/comparison.ts";
import { traceHeat } from "../../query/traces/heat.ts";
import { searchTraces } from "../../query/traces/search.ts";
import { usualDurations } from "../../query/traces/usual.ts";
import { selectOperations, selectServices } from "../../store/clickhouse/select/services.ts";
import { clientGone } from "./client-gone.ts";
import { invalid } from "./params.ts";
import { spanSuggestions } from "./search-suggestions.ts";
import { registerTrace } from "./trace.ts";
import {
  type Asked,
  askOf,
  filterOf,
  type OwnTracesDeps,
  parseTraceId,
  rangeOf,
  traceIdOf,
} from "./traces-asked.ts";
import { registerDifference } from "./traces-difference.ts";

export type { OwnTracesDeps } from "./traces-asked.ts";

const limits = {
  tracesStandard: 50,
  /** A page of a list; more is found by narrowing the search. */
  tracesMax: 500,
  columnsStandard: 60,
  /** A column is at least about four pixels wide. */
  columnsMax: 480,
} as const;

export function registerOwnTraces(app: FastifyInstance, deps: OwnTracesDeps): void {
  const get = <T>(path: string, answer: (asked: Asked) => Promise<T>): void => {
    app.get(deps.prefix + path, (request, reply) => answer(askOf(deps, request, reply)));
  };
  get("/services", services);
  get("/operations", operations);
  get("/traces", traces);
  get("/traces/heat", heat);
  registerDifference(app, deps);
  get("/traces/usual", usual);
  get("/traces/suggest", suggest);
  registerTrace(app, deps);
  get("/traces/:id/compare", compare);
  get("/traces/:id/critical-path", criticalPath);
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

/** Asks the store by itself: the reader has no place for what it may offer. */
function suggest({ engine, clock, params, reply, info }: Asked): Promise<SearchSuggestions> {
  return spanSuggestions({ engine, clock }, params, { ask: { signal: clientGone(reply) }, info });
}

async function compare(asked: Asked): Promise<TraceComparisonAnswer> {
  const { params, reader, request } = asked;
  const here = traceIdOf(request);
  const other = params.text("with") ?? "usual";
  const given = params.text("from") !== undefined || params.text("to") !== undefined;
  const { found, marks } =
    other === "usual"
      ? await compareWithUsual(reader, {
          traceId: here,
          range: given ? rangeOf(asked) : undefined,
        })
      : await compareTraces(reader, { here, there: parseTraceId(other) });
  return { ...found, ...asked.info(marks) };
}

async function criticalPath(asked: Asked): Promise<CriticalPathAnswer> {
  const { found, marks } = await readCriticalPath(asked.reader, traceIdOf(asked.request));
  return { ...found, ...asked.info(marks) };
}
