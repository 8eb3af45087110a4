/** What the series cost, for the page of that name; the contract package says what the address answers. */
import type { CardinalityAnswer } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { type Cardinality, createCardinality } from "../../query/cardinality/cardinality.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { answerInfo } from "./answer-info.ts";
import { queryParams } from "./params.ts";

export interface CardinalityDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
  /** Shared with the Prometheus API, so that a question is asked once; its own when absent. */
  readonly cardinality?: Cardinality | undefined;
}

const HOUR_MS = 3_600_000;
const limits = { standard: 20, max: 1_000 } as const;

export function registerCardinality(app: FastifyInstance, deps: CardinalityDeps): void {
  const cardinality = deps.cardinality ?? createCardinality(deps.engine, deps.clock);
  app.get(`${deps.prefix}/metrics/cardinality`, async (request): Promise<CardinalityAnswer> => {
    const params = queryParams(request.query);
    const { from, to } = params.range(deps.clock);
    const limit = params.limit("limit", limits);
    const ask = { cost: { rowsRead: 0, bytesRead: 0 } };
    const info = answerInfo(deps.clock, ask.cost);
    const range = { fromMs: from, toMs: to - 1 };
    const lastHour = { fromMs: Math.max(from, to - HOUR_MS), toMs: to - 1 };
    const [report, churn, samples, tables] = await Promise.all([
      cardinality.report(range, limit, ask),
      cardinality.churn(range, limit, ask),
      cardinality.samplesByName(lastHour, limit, ask),
      cardinality.bytes(ask),
    ]);
    const samplesOf = new Map(samples.map(({ name, count }) => [name, count]));
    const newOf = new Map(churn.byName.map(({ name, count }) => [name, count]));
    return {
      ...info(),
      series: report.series,
      names: report.names,
      labels: report.labels,
      pairs: report.pairs,
      byName: report.byName.map(({ name, count }) => ({
        name,
        series: count,
        samples: samplesOf.get(name) ?? 0,
        newSeries: newOf.get(name) ?? 0,
      })),
      byLabel: report.byLabel.map(({ name, count, series }) => ({ name, values: count, series })),
      byPair: report.byPair.map(({ label, value, count }) => ({ label, value, series: count })),
      churn: { from, stepMs: churn.stepMs, counts: churn.counts, total: churn.total },
      tables,
    };
  });
}
