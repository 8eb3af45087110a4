/** Services as a whole, of our own HTTP API: who calls whom, and rate, errors and durations over time. */
import type { DependenciesAnswer, RedAnswer, SaturationAnswer } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { readDependencies } from "../../query/dependencies/dependencies.ts";
import { readRed } from "../../query/red/red.ts";
import { readSaturation } from "../../query/red/saturation.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { createReader } from "../../store/clickhouse/select/reader.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { invalid, type QueryParams, queryParams } from "./params.ts";

export interface DependenciesDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
}

const limits = {
  edges: { standard: 1_000, max: 10_000 },
  series: { standard: 20, max: 200 },
  /** Steps without being asked; and what a chart can show. */
  stepsStandard: 60,
  stepsMax: 2_000,
} as const;

const NS_PER_MS = 1_000_000n;

export function registerDependencies(app: FastifyInstance, deps: DependenciesDeps): void {
  const { clock, engine, prefix } = deps;
  app.get(`${prefix}/dependencies`, async (request, reply): Promise<DependenciesAnswer> => {
    const params = queryParams(request.query);
    const reader = createReader(engine, { signal: clientGone(reply) });
    const info = answerInfo(clock, reader);
    const limit = params.limit("limit", limits.edges);
    const found = await readDependencies(reader, nsRange(params.range(clock)), {
      service: params.text("service"),
      limit,
    });
    const marks =
      found.sampledOneIn > 1
        ? [`Counts are extrapolated from one in ${found.sampledOneIn} traces.`]
        : [];
    return { ...info(marks), ...found };
  });
  app.get(`${prefix}/red`, async (request, reply): Promise<RedAnswer> => {
    const params = queryParams(request.query);
    const reader = createReader(engine, { signal: clientGone(reply) });
    const info = answerInfo(clock, reader);
    const range = params.range(clock);
    const stepMs = stepOf(params, range);
    const series = await readRed(reader, {
      range: nsRange(range),
      stepNs: BigInt(stepMs) * NS_PER_MS,
      service: params.text("service"),
      operation: params.text("operation"),
      by: params.oneOf("by", ["service", "operation"]) ?? "service",
      limit: params.limit("limit", limits.series),
    });
    return { ...info(), from: range.from, stepMs, series };
  });
  app.get(`${prefix}/saturation`, async (request, reply): Promise<SaturationAnswer> => {
    const params = queryParams(request.query);
    const reader = createReader(engine, { signal: clientGone(reply) });
    const info = answerInfo(clock, reader);
    const service = params.text("service");
    if (service === undefined)
      throw invalid(`"service" is missing: it names the service to look at`);
    const range = params.range(clock);
    const stepMs = stepOf(params, range);
    const found = await readSaturation(reader, {
      ...{ service, stepMs },
      fromMs: range.from,
      toMs: range.to,
    });
    return { ...info(), ...found };
  });
}

function stepOf(
  params: QueryParams,
  range: { readonly from: number; readonly to: number },
): number {
  const spanMs = range.to - range.from;
  const standard = Math.max(1, Math.ceil(spanMs / limits.stepsStandard));
  const stepMs = Math.floor(params.number("stepMs", { min: 1 }) ?? standard);
  if (spanMs / stepMs > limits.stepsMax)
    throw invalid(`"stepMs" of ${stepMs} makes more than ${limits.stepsMax} steps of the range`);
  return stepMs;
}

function nsRange({ from, to }: { readonly from: number; readonly to: number }): NsRange {
  return { fromNs: BigInt(from) * NS_PER_MS, toNs: BigInt(to) * NS_PER_MS };
}
