/** What the server is and holds: build, configuration, flags, process, store. */
import { availableParallelism, hostname } from "node:os";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import type { Counted } from "../../query/cardinality/cardinality.ts";
import { answerJson, type Context, type Exchange, type Route } from "./exchange.ts";
import { features } from "./features.ts";
import { wholeNumber } from "./params.ts";
import { selfMetricsAnswer } from "./self-metrics.ts";

/** The version whose API and language this follows; clients choose features by it. */
const PROMETHEUS_VERSION = "3.14.0";
const DAY_MS = 86_400_000;
const TSDB_LIMIT = 10;
const TSDB_LIMIT_MAX = 10_000;
const PARTS_MAX = 10_000;

export const statusRoutes: readonly Route[] = [
  [["GET"], "/status/buildinfo", buildInfo],
  [["GET"], "/status/config", config],
  [["GET"], "/status/flags", flags],
  [["GET"], "/status/runtimeinfo", runtimeInfo],
  [["GET"], "/status/self_metrics", selfMetrics],
  [["GET"], "/status/tsdb", tsdb],
  [["GET"], "/status/tsdb/blocks", blocks],
  [["GET"], "/status/walreplay", walReplay],
  [
    ["GET"],
    "/features",
    async ({ views }, exchange) =>
      answerJson(exchange, features({ isAdmin: views.admin?.enabled === true })),
  ],
];

async function buildInfo(_context: Context, exchange: Exchange): Promise<FastifyReply> {
  return answerJson(exchange, {
    version: PROMETHEUS_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  });
}

async function config({ views }: Context, exchange: Exchange): Promise<FastifyReply> {
  return answerJson(exchange, { yaml: views.status?.configText() ?? "" });
}

async function flags({ views, limits }: Context, exchange: Exchange): Promise<FastifyReply> {
  return answerJson(exchange, {
    "query.lookback-delta": "5m",
    "query.max-samples": String(limits.querySamplesMax),
    "query.timeout": `${limits.queryTimeoutMs / 1000}s`,
    "web.enable-admin-api": String(views.admin?.enabled === true),
    "web.enable-lifecycle": String(views.lifecycle?.reload !== undefined),
    "web.enable-remote-write-receiver": "true",
    ...views.status?.flags(),
  });
}

async function runtimeInfo({ views, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { status } = views;
  const time = (ms: number): string => new Date(ms).toISOString();
  const reload = status?.reload();
  const startedMs = status?.startedMs ?? clock.nowMs() - process.uptime() * 1000;
  return answerJson(exchange, {
    startTime: time(startedMs),
    CWD: process.cwd(),
    hostname: hostname(),
    serverTime: time(clock.nowMs()),
    reloadConfigSuccess: reload?.ok ?? true,
    lastConfigTime: time(reload?.atMs ?? startedMs),
    corruptionCount: 0,
    // There are no goroutines; clients want the field.
    goroutineCount: 1,
    GOMAXPROCS: availableParallelism(),
    GOMEMLIMIT: status?.memoryBytesMax ?? 0,
    GOGC: "",
    GODEBUG: "",
    storageRetention: status?.retention() ?? "",
  });
}

async function selfMetrics({ views, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const pattern = exchange.params.get("metric_name_pattern") ?? "";
  const exposed = views.status?.metrics?.() ?? "";
  return answerJson(exchange, selfMetricsAnswer(exposed, pattern, clock.nowMs()));
}

function tsdbLimit(params: URLSearchParams): number {
  const given = params.get("limit") ?? "";
  if (given === "") return TSDB_LIMIT;
  const limit = wholeNumber(given) ?? 0;
  if (limit < 1) throw new TriptychError("query_invalid", "limit must be a positive number");
  if (limit > TSDB_LIMIT_MAX)
    throw new TriptychError("query_invalid", `limit must not exceed ${TSDB_LIMIT_MAX}`);
  return limit;
}

/** Of the last day: what Prometheus' head, which holds some hours, comes nearest to. */
async function tsdb(
  { cardinality, clock }: Context,
  { params, ask, ...exchange }: Exchange,
): Promise<FastifyReply> {
  const limit = tsdbLimit(params);
  const toMs = clock.nowMs();
  const report = await cardinality.report({ fromMs: toMs - DAY_MS, toMs }, limit, ask);
  const times = await cardinality.sampleTimes(ask);
  const named = (list: readonly Counted[]): { name: string; value: number }[] =>
    list.map(({ name, count }) => ({ name, value: count }));
  return answerJson(
    { params, ask, ...exchange },
    {
      headStats: {
        numSeries: report.series,
        numLabelPairs: report.pairs,
        chunkCount: report.series,
        minTime: times.firstMs,
        maxTime: times.lastMs,
      },
      seriesCountByMetricName: named(report.byName),
      labelValueCountByLabelName: named(report.byLabel),
      memoryInBytesByLabelName: [...report.byLabel]
        .sort((a, b) => b.bytes - a.bytes)
        .map(({ name, bytes }) => ({ name, value: bytes })),
      seriesCountByLabelValuePair: report.byPair.map(({ label, value, count }) => ({
        name: `${label}=${value}`,
        value: count,
      })),
    },
  );
}

/** The store's parts, each a block. */
async function blocks({ cardinality }: Context, exchange: Exchange): Promise<FastifyReply> {
  const parts = await cardinality.parts(PARTS_MAX, exchange.ask);
  return answerJson(exchange, {
    blocks: parts.map(({ name, level, rows, day }) => {
      const startMs = Date.UTC(
        Math.floor(day / 10_000),
        (Math.floor(day / 100) % 100) - 1,
        day % 100,
      );
      return {
        ulid: name,
        minTime: startMs,
        maxTime: startMs + DAY_MS,
        stats: { numSamples: rows },
        compaction: { level: level + 1, sources: [name] },
        version: 1,
      };
    }),
  });
}

/** The journal is applied while questions are answered: nothing is replayed before. */
async function walReplay(_context: Context, exchange: Exchange): Promise<FastifyReply> {
  return answerJson(exchange, { min: 0, max: 0, current: 0 });
}
