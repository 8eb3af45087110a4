/** `metrics/query_range`, `metrics/query` and `metrics/summary`: series of TraceQL's metrics. */
import {
  type Intervals,
  intervalTimeMs,
  showStatic,
  type Traceql,
  type TraceSeries,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { evaluateTraceqlMetrics, type MetricsAnswer } from "../../query/traceql/metrics.ts";
import { metricsLimits } from "../../query/traceql/metrics-run.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { type Exchange, readMetrics, requiredQuery } from "./exchange.ts";
import { bad, durationOf, metricsRange, param, unsigned } from "./params.ts";
import { jsonNumber, labelsOf } from "./values.ts";

const SECOND_NS = 1_000_000_000n;
const EXEMPLARS_STANDARD = 100;
const SERIES_STANDARD = 1_000;
/** As many points as a graph of a usual width shows. */
const POINTS_STANDARD = 240n;

export async function queryRange(exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const query = metricsQuery(exchange);
  const range = metricsRange(params, exchange.clock);
  const step = param(params, "step");
  const stepNs =
    step === undefined ? standardStep(range.endNs - range.startNs) : durationOf("step", step);
  if (stepNs <= 0n) throw bad("step required");
  const intervals = aligned(range, stepNs);
  if (intervals.count > metricsLimits.intervalsMax)
    throw new TriptychError(
      "query_limit",
      `the range has ${intervals.count} steps, more than ${metricsLimits.intervalsMax}; a longer step has fewer`,
    );
  const answer = await evaluated(exchange, query, intervals, exemplarsOf(exchange, query));
  return sendJsonStream(exchange.reply, rangeJson(answer, intervals, exchange));
}

export async function queryInstant(exchange: Exchange): Promise<FastifyReply> {
  const query = metricsQuery(exchange);
  const { startNs, endNs } = metricsRange(exchange.params, exchange.clock);
  const intervals: Intervals = { startNs, endNs, stepNs: endNs - startNs, count: 1, instant: true };
  const answer = await evaluated(exchange, query, intervals, 0);
  return sendJsonStream(
    exchange.reply,
    (function* () {
      yield '{"series":[';
      for (const [i, series] of answer.series.entries()) {
        // Without `promLabels`: Grafana refuses an instant answer with a member that its Tempo does not know.
        const one = {
          labels: labelsOf(series.labels),
          value: jsonNumber(series.values[0] ?? 0),
        };
        yield `${i === 0 ? "" : ","}${JSON.stringify(one)}`;
      }
      yield `],${tailOf(answer, exchange)}}`;
    })(),
  );
}

function metricsQuery({ params }: Exchange): Traceql.TraceqlQuery & { kind: "metrics" } {
  const query = requiredQuery(param(params, "q", "query"));
  if (query.kind !== "metrics") throw bad("not a metrics query: it has no function such as rate()");
  return query;
}

function evaluated(
  { reader, params, signal }: Exchange,
  query: Traceql.TraceqlQuery & { kind: "metrics" },
  intervals: Intervals,
  exemplars: number,
): Promise<MetricsAnswer> {
  const seriesMax = unsigned(params, "maxSeries") ?? 0;
  return evaluateTraceqlMetrics(reader, query.expr, {
    intervals,
    exemplars,
    seriesMax: seriesMax === 0 ? SERIES_STANDARD : Math.min(seriesMax, metricsLimits.seriesMax),
    signal,
  });
}

/** The hint in the query counts first, then the parameter. */
function exemplarsOf({ params }: Exchange, query: Traceql.TraceqlQuery): number {
  const asked = Math.min(
    unsigned(params, "exemplars") ?? EXEMPLARS_STANDARD,
    metricsLimits.exemplarsMax,
  );
  const hint = query.hints.find(({ name }) => name === "exemplars")?.value;
  if (hint?.type === "bool") return hint.value ? asked || EXEMPLARS_STANDARD : 0;
  if (hint?.type === "int") return Math.min(Number(hint.value), metricsLimits.exemplarsMax);
  return asked;
}

/** Steps begin at multiples of their length; the first sample stands at the aligned start. */
function aligned(
  { startNs, endNs }: { readonly startNs: bigint; readonly endNs: bigint },
  stepNs: bigint,
): Intervals {
  const floor = startNs - (startNs % stepNs);
  const rest = endNs % stepNs;
  const end = rest === 0n ? endNs : endNs + stepNs - rest;
  const start = floor > stepNs ? floor - stepNs : floor;
  return {
    startNs: start,
    endNs: end,
    stepNs,
    count: Number((end - start) / stepNs),
    instant: false,
  };
}

const GRANULARITIES = [3_600n, 300n, 60n, 15n, 5n, 1n].map((seconds) => seconds * SECOND_NS);
const FINE_NS = 50_000_000n;

function standardStep(length: bigint): bigint {
  const baseline = length / POINTS_STANDARD;
  if (length < 60n * SECOND_NS)
    return baseline > FINE_NS ? (baseline / FINE_NS) * FINE_NS : FINE_NS;
  const unit = GRANULARITIES.find((one) => baseline > one);
  return unit === undefined ? SECOND_NS : (baseline / unit) * unit;
}

function* rangeJson(
  answer: MetricsAnswer,
  intervals: Intervals,
  exchange: Exchange,
): Generator<string> {
  yield '{"series":[';
  for (const [i, series] of answer.series.entries()) {
    yield `${i === 0 ? "" : ","}{"labels":${JSON.stringify(labelsOf(series.labels))},"promLabels":${JSON.stringify(promLabels(series))},"samples":[`;
    let first = true;
    for (const [at, value] of series.values.entries()) {
      if (Number.isNaN(value)) continue;
      yield `${first ? "" : ","}{"timestampMs":"${intervalTimeMs(intervals, at)}","value":${JSON.stringify(jsonNumber(value))}}`;
      first = false;
    }
    const exemplars = series.exemplars.map((one) => ({
      labels: labelsOf(one.labels),
      value: jsonNumber(one.value),
      timestampMs: String(one.timeMs),
    }));
    yield `]${exemplars.length === 0 ? "" : `,"exemplars":${JSON.stringify(exemplars)}`}}`;
  }
  yield `],${tailOf(answer, exchange)}}`;
}

function tailOf({ marks }: MetricsAnswer, { reader }: Exchange): string {
  const partial =
    marks.length === 0 ? "" : `,"status":"PARTIAL","message":${JSON.stringify(marks.join("; "))}`;
  return `"metrics":${JSON.stringify(readMetrics(reader))}${partial}`;
}

/** Labels as Prometheus prints them, sorted by name. */
function promLabels({ labels }: TraceSeries): string {
  const pairs = labels.map(({ name, value }) => {
    const text = value.type === "nil" ? "<nil>" : showStatic(value);
    return `${name}=${JSON.stringify(text)}`;
  });
  return `{${pairs.sort().join(", ")}}`;
}

const SUMMARY_QUANTILES = [0.5, 0.9, 0.95, 0.99];

/** Counts, errors and latencies of spans, by up to five attributes. */
export async function summary(exchange: Exchange): Promise<object> {
  const { params } = exchange;
  const filter = param(params, "q") ?? "{}";
  const by = (param(params, "groupBy") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const { startNs, endNs } = metricsRange(params, exchange.clock);
  const intervals: Intervals = { startNs, endNs, stepNs: endNs - startNs, count: 1, instant: true };
  const groups = by.length === 0 ? "" : ` by (${by.join(", ")})`;
  const run = async (pipeline: string, call: string): Promise<readonly TraceSeries[]> => {
    const query = requiredQuery(`${pipeline} | ${call}${groups}`);
    if (query.kind !== "metrics") throw bad("q must be a span filter");
    return (await evaluated(exchange, query, intervals, 0)).series;
  };
  const counts = await run(filter, "count_over_time()");
  const errors = await run(`${filter} | { status = error }`, "count_over_time()");
  const latencies = await run(
    filter,
    `quantile_over_time(duration, ${SUMMARY_QUANTILES.join(", ")})`,
  );
  const summaries = counts.map((series) => summaryOf(series, errors, latencies));
  return { summaries, metrics: readMetrics(exchange.reader) };
}

function groupOf({ labels }: TraceSeries): string {
  return JSON.stringify(labelsOf(labels.filter(({ name }) => name !== "p" && name !== "__name__")));
}

function summaryOf(
  series: TraceSeries,
  errors: readonly TraceSeries[],
  latencies: readonly TraceSeries[],
): object {
  const group = groupOf(series);
  const failed = errors.find((one) => groupOf(one) === group)?.values[0] ?? 0;
  const quantile = (q: number): string => {
    const found = latencies.find(
      (one) =>
        groupOf(one) === group &&
        one.labels.some(
          ({ name, value }) => name === "p" && value.type === "float" && value.value === q,
        ),
    );
    return String(Math.round((found?.values[0] ?? 0) * 1e9));
  };
  return {
    spanCount: String(series.values[0] ?? 0),
    errorSpanCount: String(failed),
    series: series.labels
      .filter(({ name }) => name !== "__name__")
      .map(({ name, value }) => ({ key: name, value: { type: value.type, s: showStatic(value) } })),
    p99: quantile(0.99),
    p95: quantile(0.95),
    p90: quantile(0.9),
    p50: quantile(0.5),
  };
}
