/** The Prometheus HTTP API: instant and range queries, series, labels and metadata. */
import {
  type Matcher,
  type PromqlExpr,
  parsePromql,
  parseSeriesSelector,
  placeOf,
  type PromqlResult,
  promqlTypeOf,
  selectorMatchers,
} from "@triptych/lang";
import { type Clock, defaultLimits, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { seriesMatchers } from "../../query/metrics/matchers.ts";
import { byLabels } from "../../query/metrics/series-order.ts";
import {
  type Ask,
  createStoreSource,
  type MetricsSource,
  type Series,
  type SeriesMatcher,
} from "../../query/metrics/source.ts";
import { compileRegex } from "../../regex/compile.ts";
import { type PromqlTimes, runPromql } from "../../query/promql/source.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { commaSeparated } from "../comma-separated.ts";
import { clientGone } from "../ours/client-gone.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { sendPrometheusError } from "./errors.ts";
import {
  durationParam,
  formParams,
  limitParam,
  rangeParam,
  timeoutParam,
  timeParam,
  wrong,
} from "./params.ts";
import {
  labelsJson,
  type Limited,
  matrixJson,
  point,
  rangeJson,
  success,
  timestamp,
  TRUNCATED,
  vectorJson,
} from "./result.ts";

export interface PrometheusApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Such as `/api/v1` and `/prometheus/api/v1`. */
  readonly prefixes: readonly string[];
  /** Recent samples may stand before the store; the store alone when absent. */
  readonly source?: MetricsSource | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
}

/** The version whose API and language this follows; clients choose features by it. */
const PROMETHEUS_VERSION = "3.5.0";
const RESOLUTION_MESSAGE =
  "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";

interface Exchange {
  readonly params: URLSearchParams;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ask: Ask & { readonly signal: AbortSignal };
}

interface Context {
  readonly source: MetricsSource;
  readonly clock: Clock;
}

type Handler = (context: Context, exchange: Exchange) => Promise<FastifyReply>;

const routes: readonly (readonly [methods: readonly ("GET" | "POST")[], path: string, Handler])[] =
  [
    [["GET", "POST"], "/query", instantQuery],
    [["GET", "POST"], "/query_range", rangeQuery],
    [["GET", "POST"], "/series", seriesList],
    [["GET", "POST"], "/labels", labelNames],
    [["GET"], "/label/:name/values", labelValues],
    [["GET"], "/metadata", metadata],
    [["GET"], "/status/buildinfo", buildInfo],
  ];

export function registerPrometheusApi(app: FastifyInstance, deps: PrometheusApiDeps): void {
  const context: Context = {
    source: deps.source ?? createStoreSource(deps.engine),
    clock: deps.clock,
  };
  for (const prefix of deps.prefixes) {
    void app.register(
      (scope, _options, done) => {
        scope.setErrorHandler((error, _request, reply) =>
          sendPrometheusError(reply, asOurs(error), deps.report),
        );
        scope.addContentTypeParser(
          "application/x-www-form-urlencoded",
          { parseAs: "string" },
          (_request, body, done) => done(null, new URLSearchParams(String(body))),
        );
        for (const [methods, url, handle] of routes) {
          scope.route({
            method: [...methods],
            url,
            handler: async (request, reply) => {
              const params = formParams(request);
              const ask = { signal: clientGone(reply), timeoutMs: timeoutParam(params) };
              return handle(context, { params, request, reply, ask });
            },
          });
        }
        done();
      },
      { prefix },
    );
  }
}

/** Fastify's own refusals (body too large, wrong content type) are the client's. */
function asOurs(error: unknown): unknown {
  const status = (error as { statusCode?: unknown }).statusCode;
  if (error instanceof TriptychError || typeof status !== "number" || status >= 500) return error;
  const code =
    status === 413 ? "wire_too_large" : status === 415 ? "media_type_unsupported" : "query_invalid";
  return new TriptychError(code, (error as Error).message);
}

/** Sends what `data` writes; a cut by the limit becomes a warning. */
function answer(
  { reply }: Exchange,
  data: (cut: () => void) => Iterable<string>,
  notes: { readonly warnings: readonly string[]; readonly infos: readonly string[] } = NO_NOTES,
): Promise<FastifyReply> {
  const warnings = [...notes.warnings];
  const cut = (): void => {
    warnings.push(TRUNCATED);
  };
  return sendJsonStream(
    reply,
    success(data(cut), () => ({ warnings, infos: notes.infos })),
  );
}

const NO_NOTES = { warnings: [], infos: [] };

/** Errors in a query text are told with line and column. */
function located<T>(name: string, text: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TriptychError) || error.offset === undefined) throw error;
    const { line, column } = placeOf(text, error.offset);
    const message = `invalid parameter "${name}": ${line}:${column}: parse error: ${error.message}`;
    throw new TriptychError(error.code, message, { offset: error.offset, cause: error });
  }
}

function queryOf(params: URLSearchParams): { text: string; expr: PromqlExpr } {
  const text = params.get("query") ?? "";
  return { text, expr: located("query", text, () => parsePromql(text, { compileRegex })) };
}

function lookbackOf(params: URLSearchParams): number | undefined {
  const given = durationParam(params, "lookback_delta");
  if (given !== undefined && given <= 0) throw wrong("lookback_delta", "must be positive");
  return given;
}

async function instantQuery({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const limit = limitParam(params);
  const ms = timeParam(params, "time", clock.nowMs());
  const { text, expr } = queryOf(params);
  const times = { startMs: ms, endMs: ms, lookbackMs: lookbackOf(params) };
  const result = await runPromql(source, expr, { times, ask });
  const data = (cut: () => void): Iterable<string> => resultJson(result, ms, { limit, cut });
  return answer(exchange, data, result.annotations.texts(text));
}

function resultJson({ value }: PromqlResult, ms: number, limited: Limited): Iterable<string> {
  switch (value.kind) {
    case "scalar":
      return [`{"resultType":"scalar","result":${point(ms, value.value)}}`];
    case "string": {
      const result = `[${timestamp(ms)},${JSON.stringify(value.value)}]`;
      return [`{"resultType":"string","result":${result}}`];
    }
    case "vector":
      return vectorJson(value.rows, ms, limited);
    case "matrix":
      return matrixJson(value.series, limited);
    case "range":
      return rangeJson(value.rows, value.grid, limited);
  }
}

function timesParam(params: URLSearchParams): PromqlTimes {
  for (const name of ["start", "end", "step"])
    if ((params.get(name) ?? "") === "")
      throw wrong(name, `cannot parse "" to a valid ${name === "step" ? "duration" : "timestamp"}`);
  const startMs = timeParam(params, "start", 0);
  const endMs = timeParam(params, "end", 0);
  if (endMs < startMs) throw wrong("end", "end timestamp must not be before start time");
  const stepMs = durationParam(params, "step") ?? 0;
  if (stepMs <= 0)
    throw wrong(
      "step",
      "zero or negative query resolution step widths are not accepted. Try a positive integer",
    );
  if ((endMs - startMs) / stepMs > defaultLimits.queryPointsPerSeriesMax)
    throw new TriptychError("query_invalid", RESOLUTION_MESSAGE);
  return { startMs, endMs, stepMs, lookbackMs: lookbackOf(params) };
}

async function rangeQuery({ source }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const limit = limitParam(params);
  const times = timesParam(params);
  const { text, expr } = queryOf(params);
  const type = promqlTypeOf(expr);
  if (type !== "scalar" && type !== "vector") {
    const shown = type === "matrix" ? "range vector" : type;
    throw wrong(
      "query",
      `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
    );
  }
  const result = await runPromql(source, expr, { times, ask });
  const data = (cut: () => void): Iterable<string> =>
    resultJson(result, times.startMs, { limit, cut });
  return answer(exchange, data, result.annotations.texts(text));
}

/** The repeated `match[]`; each is one selector. */
function selectorsOf(params: URLSearchParams): SeriesMatcher[][] {
  return params
    .getAll("match[]")
    .map((text) => located("match[]", text, () => seriesMatchers(allMatchers(text))));
}

const allMatchers = (text: string): readonly Matcher[] =>
  selectorMatchers(parseSeriesSelector(text));

async function seriesList({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const limit = limitParam(params);
  const range = rangeParam(params, clock);
  const selectors = selectorsOf(params);
  if (selectors.length === 0)
    throw new TriptychError("query_invalid", "no match[] parameter provided");
  const found = new Map<bigint, Series>();
  for (const matchers of selectors)
    for (const series of await source.selectSeries(matchers, range, ask))
      found.set(series.id, series);
  const sorted = [...found.values()].sort(byLabels);
  return answer(exchange, (cut) => {
    if (sorted.length > limit) cut();
    return list(commaSeparated(sorted.slice(0, limit), labelsJson));
  });
}

function* list(items: Iterable<string>): Generator<string> {
  yield "[";
  yield* items;
  yield "]";
}

/** The union of what each selector gives, sorted; of everything when there is no selector. */
async function union(
  exchange: Exchange,
  ask: (matchers: SeriesMatcher[]) => Promise<string[]>,
): Promise<FastifyReply> {
  const limit = limitParam(exchange.params);
  const selectors = selectorsOf(exchange.params);
  const found = new Set<string>();
  for (const matchers of selectors.length === 0 ? [[]] : selectors)
    for (const item of await ask(matchers)) found.add(item);
  const sorted = [...found].sort((a, b) => (a < b ? -1 : 1));
  return answer(exchange, (cut) => {
    if (sorted.length > limit) cut();
    return list(commaSeparated(sorted.slice(0, limit), (item) => JSON.stringify(item)));
  });
}

async function labelNames({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const range = rangeParam(exchange.params, clock);
  return union(exchange, (matchers) => source.labelNames(matchers, range, exchange.ask));
}

async function labelValues({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { name: given = "" } = exchange.request.params as { name?: string };
  const name = unescapedName(given);
  const range = rangeParam(exchange.params, clock);
  return union(exchange, (matchers) => source.labelValues(name, { matchers, range }, exchange.ask));
}

/** `U__my_2e_label` stands for a name that is no plain identifier; an underscore in it is doubled. */
export function unescapedName(name: string): string {
  if (!name.startsWith("U__")) return name;
  const escaped = /^(?:[^_]|__|_[0-9a-fA-F]{1,6}_)*$/;
  const rest = name.slice(3);
  if (!escaped.test(rest)) return name;
  return rest.replace(/__|_([0-9a-fA-F]{1,6})_/g, (found, code: string | undefined) => {
    if (code === undefined) return "_";
    const point = Number.parseInt(code, 16);
    const isCharacter = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    return isCharacter ? String.fromCodePoint(point) : found;
  });
}

async function metadata({ source }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const limit = limitParam(params);
  const metric = params.get("metric") ?? "";
  const found = (await source.metadata(metric === "" ? [] : [metric], ask)).slice(0, limit);
  return answer(exchange, () => [
    "{",
    ...commaSeparated(found, ({ family, type, unit, help }) => {
      return `${JSON.stringify(family)}:${JSON.stringify([{ type, help, unit }])}`;
    }),
    "}",
  ]);
}

async function buildInfo(_context: Context, exchange: Exchange): Promise<FastifyReply> {
  const info = {
    version: PROMETHEUS_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  };
  return answer(exchange, () => [JSON.stringify(info)]);
}
