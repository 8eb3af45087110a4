/** Log lines of our own HTTP API; the contract package says what each address takes and answers. */
import type { LogLevel, LogLevelsAnswer } from "@triptych/contract";
import { type Clock, defaultLimits, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { createLogSource, type LogSource } from "../../query/logs/source.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { commaSeparated } from "../comma-separated.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { sendJsonStream } from "./json-stream.ts";
import { logConditionsOf, logFilterOf } from "./logs-filter.ts";
import { cursorOf, logLine, parseCursor } from "./logs-line.ts";
import { logPatternsAnswer } from "./logs-patterns.ts";
import { createTails } from "./logs-tail.ts";
import { type QueryParams, queryParams } from "./params.ts";
import { logSuggestions } from "./search-suggestions.ts";

export interface OwnLogsDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
}

const limits = {
  linesStandard: 200,
  /** What a browser shows at once; more is reached by paging. */
  linesMax: defaultLimits.resultLinesDefault,
  columnsStandard: 60,
  /** A column is at least about four pixels wide. */
  columnsMax: 480,
  servicesShown: 100,
} as const;

export function registerOwnLogs(app: FastifyInstance, deps: OwnLogsDeps): void {
  const { prefix, clock } = deps;
  const source = createLogSource(deps.engine);
  const tails = createTails({ source, clock });
  app.addHook("preClose", (done) => {
    tails.close();
    done();
  });
  app.get(`${prefix}/logs`, (request, reply) => lines(asked(source, clock, { request, reply })));
  app.get(`${prefix}/logs/levels`, (request, reply) =>
    levelCounts(asked(source, clock, { request, reply })),
  );
  app.get(`${prefix}/logs/tail`, (request, reply) => {
    const conditions = logConditionsOf(queryParams(request.query), clock);
    return tails.follow(reply, conditions);
  });
  app.get(`${prefix}/logs/patterns`, (request, reply) => {
    const { params, ask, info } = asked(source, clock, { request, reply });
    return logPatternsAnswer(deps, params, { ask, info });
  });
  app.get(`${prefix}/logs/suggest`, (request, reply) => {
    const { params, ask, info } = asked(source, clock, { request, reply });
    return logSuggestions(deps, params, { ask, info });
  });
}

interface Asked {
  readonly source: LogSource;
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
  source: LogSource,
  clock: Clock,
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Asked {
  const cost = { rowsRead: 0, bytesRead: 0 };
  return {
    source,
    clock,
    reply: exchange.reply,
    params: queryParams(exchange.request.query),
    ask: { signal: clientGone(exchange.reply), cost },
    info: answerInfo(clock, cost),
  };
}

async function lines(asked: Asked): Promise<FastifyReply> {
  const { params, source, ask, info, reply, clock } = asked;
  const { range, conditions } = logFilterOf(params, clock);
  const order = params.oneOf("order", ["newest", "oldest"]) ?? "newest";
  const limit = params.limit("limit", { standard: limits.linesStandard, max: limits.linesMax });
  const given = params.text("cursor");
  const after = given === undefined ? undefined : parseCursor(given);
  if (given !== undefined && after === undefined)
    throw new TriptychError("query_invalid", '"cursor" is not one that an answer gave');
  // One more than asked for tells whether there is a next page.
  const query = { range, conditions, order, limit: limit + 1, after };
  const found = await source.lines(query, ask);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const cursor = found.length > limit && last !== undefined ? cursorOf(last) : undefined;
  const head = JSON.stringify({ ...info(), ...(cursor === undefined ? {} : { cursor }) });
  return sendJsonStream(
    reply,
    (function* () {
      yield `${head.slice(0, -1)},"lines":[`;
      yield* commaSeparated(page, (line) => JSON.stringify(logLine(line)));
      yield "]}";
    })(),
  );
}

async function levelCounts(asked: Asked): Promise<LogLevelsAnswer> {
  const { params, source, ask, info } = asked;
  const filter = logFilterOf(params, asked.clock);
  const { from, to } = filter;
  const columns = params.limit("columns", {
    standard: limits.columnsStandard,
    max: limits.columnsMax,
  });
  const stepMs = Math.max(1, Math.ceil((to - from) / columns));
  const count = Math.ceil((to - from) / stepMs);
  const [found, byService] = await Promise.all([
    source.levelCounts(filter, { fromMs: from, stepMs }, ask),
    source.serviceCounts(filter, limits.servicesShown + 1, ask),
  ]);
  const counts: { [level in LogLevel]?: number[] } = {};
  let total = 0;
  for (const { step, level, lines } of found) {
    const list = counts[level] ?? new Array<number>(count).fill(0);
    counts[level] = list;
    const at = Math.min(Math.max(step, 0), count - 1);
    list[at] = (list[at] ?? 0) + lines;
    total += lines;
  }
  const marks =
    byService.length > limits.servicesShown
      ? [`only the ${limits.servicesShown} services with the most lines are listed`]
      : [];
  return {
    ...info(marks),
    from,
    stepMs,
    total,
    levels: counts,
    byService: byService.slice(0, limits.servicesShown),
  };
}
