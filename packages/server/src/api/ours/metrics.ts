/** Metrics of our own HTTP API; the contract package says what each address takes and answers. */
import type { MetricChartAnswer, MetricLabelsAnswer, MetricsAnswer } from "@triptych/contract";
import type { Matcher } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { chart } from "../../query/metrics/chart.ts";
import { listFamilies } from "../../query/metrics/families.ts";
import { createStoreSource, type MetricsSource } from "../../query/metrics/source.ts";
import { checkPattern } from "../../regex/regex.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { sendJsonStream } from "./json-stream.ts";
import { metricSuggestions } from "./metric-suggestions.ts";
import { invalid, type QueryParams, queryParams, quoted } from "./params.ts";

export interface OwnMetricsDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
  /** Recent samples may stand before the store; the store alone when absent. */
  readonly source?: MetricsSource | undefined;
}

const limits = {
  pointsStandard: 200,
  /** More points than pixels show nothing more. */
  pointsMax: 2_000,
  familiesMax: 5_000,
} as const;

export function registerOwnMetrics(app: FastifyInstance, deps: OwnMetricsDeps): void {
  const { prefix } = deps;
  const context = { clock: deps.clock, source: deps.source ?? createStoreSource(deps.engine) };
  const get = (path: string, answer: (asked: Asked) => Promise<unknown>): void => {
    app.get(prefix + path, (request, reply) => answer(asked(context, request, reply)));
  };
  get("/metrics", families);
  get("/metrics/suggestions", metricSuggestions);
  get("/metrics/labels", labels);
  get("/metrics/chart", chartAnswer);
}

interface Asked {
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly params: QueryParams;
  readonly reply: FastifyReply;
  readonly ask: {
    readonly signal: AbortSignal;
    readonly cost: { rowsRead: number; bytesRead: number };
  };
  readonly info: ReturnType<typeof answerInfo>;
}

function asked(
  context: { readonly clock: Clock; readonly source: MetricsSource },
  request: FastifyRequest,
  reply: FastifyReply,
): Asked {
  const cost = { rowsRead: 0, bytesRead: 0 };
  return {
    ...context,
    reply,
    params: queryParams(request.query),
    ask: { signal: clientGone(reply), cost },
    info: answerInfo(context.clock, cost),
  };
}

async function families({ params, clock, source, ask, info, reply }: Asked): Promise<FastifyReply> {
  const { from, to } = params.range(clock);
  const search = params.text("search") ?? "";
  const found = await listFamilies(source, { search, range: { fromMs: from, toMs: to - 1 }, ask });
  const metrics = found.slice(0, limits.familiesMax);
  const marks =
    found.length > metrics.length
      ? [`only ${limits.familiesMax} of ${found.length} are listed`]
      : [];
  const answer: MetricsAnswer = { ...info(marks), metrics };
  return sendJsonStream(reply, [JSON.stringify(answer)]);
}

function nameOf(params: QueryParams): string {
  const name = params.text("name");
  if (name === undefined) throw invalid('"name" is missing: the metric family to look at');
  return name;
}

async function labels({ params, clock, source, ask, info }: Asked): Promise<MetricLabelsAnswer> {
  const { from, to } = params.range(clock);
  const name = nameOf(params);
  const names = [name, `${name}_total`, `${name}_bucket`, `${name}_count`];
  const found = await source.metricLabels(names, { fromMs: from, toMs: to - 1 }, ask);
  const byLabel = new Map<string, { value: string; series: number; total: number }[]>();
  for (const { label, ...value } of found) {
    if (label === "__name__") continue;
    const list = byLabel.get(label);
    if (list === undefined) byLabel.set(label, [value]);
    else list.push(value);
  }
  return {
    ...info(),
    labels: [...byLabel].map(([label, values]) => ({
      name: label,
      values: values.map(({ value, series }) => ({ value, series })),
      distinct: values[0]?.total ?? 0,
    })),
  };
}

async function chartAnswer(asked: Asked): Promise<MetricChartAnswer> {
  const { params, clock, source, ask, info } = asked;
  const { from, to } = params.range(clock);
  const points = params.limit("points", {
    standard: limits.pointsStandard,
    max: limits.pointsMax,
  });
  const views = ["auto", "value", "rate", "p50", "p95", "p99", "count"] as const;
  const question = {
    name: nameOf(params),
    fromMs: from,
    toMs: to,
    stepMs: Math.max(1, Math.ceil((to - from) / points)),
    by: params.texts("by"),
    matchers: params.texts("match").map(parseMatch),
    view: params.oneOf("view", views) ?? "auto",
  };
  const found = await chart(source, question, ask);
  const marks =
    found.seriesTotal > found.series.length
      ? [`the ${found.series.length} of ${found.seriesTotal} series with the largest last value`]
      : [];
  return { ...info(marks), ...found };
}

const OPS = ["!=", "=~", "!~", "="] as const;

/** `label<op>value`; the label ends at the first operator. */
function parseMatch(given: string): Matcher {
  const at = given.search(/=|!=|!~/);
  const op = OPS.find((candidate) => given.startsWith(candidate, at));
  if (at < 1 || op === undefined)
    throw invalid(`match=${quoted(given)} is not <label><op><value>, such as job=shop`);
  const value = given.slice(at + op.length);
  if (op === "=~" || op === "!~") checkPattern(value);
  const span = { start: 0, end: given.length };
  const valueSpan = { start: at + op.length, end: given.length };
  return { name: given.slice(0, at), op, value, span, valueSpan };
}
