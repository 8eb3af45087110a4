/** Exemplars of the series that a query reads. */
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { readExemplars } from "../../query/exemplars/exemplars.ts";
import { selectorsIn } from "../../query/exemplars/selectors-in.ts";
import { storeMatcher } from "../../query/metrics/matchers.ts";
import { commaSeparated } from "../comma-separated.ts";
import { answer, type Context, type Exchange, noContent, queryOf, type Route } from "./exchange.ts";
import { timeParam } from "./params.ts";
import { labelsJson, timestamp } from "./result.ts";
import { formatFloat } from "@triptych/lang";

export const exemplarRoutes: readonly Route[] = [
  [["GET", "POST"], "/query_exemplars", queryExemplars],
];

/** Nothing is stored from before 1970, and nothing from much later than now. */
const AHEAD_MS = 86_400_000;

async function queryExemplars(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const lastMs = context.clock.nowMs() + AHEAD_MS;
  const startMs = timeParam(params, "start", 0);
  const endMs = timeParam(params, "end", Math.max(startMs, lastMs));
  if (endMs < startMs)
    throw new TriptychError("query_invalid", "end timestamp must not be before start timestamp");
  const selectors = selectorsIn(queryOf(params, "bare").expr);
  if (selectors.length === 0) return noContent(exchange);
  const found = await readExemplars(
    context,
    {
      selectors: selectors.map((matchers) => matchers.map(storeMatcher)),
      fromMs: Math.max(0, startMs),
      toMs: Math.min(lastMs, endMs),
    },
    ask,
  );
  const { series, isCut } = found;
  return answer(exchange, (cut) => {
    if (isCut) cut();
    return [
      "[",
      ...commaSeparated(series, ({ labels, exemplars }) => {
        const list = exemplars.map(
          (one) =>
            `{"labels":${labelsJson({ labels: one.labels })},"value":"${formatFloat(one.value)}","timestamp":${timestamp(one.timeMs)}}`,
        );
        return `{"seriesLabels":${labelsJson({ labels })},"exemplars":[${list.join(",")}]}`;
      }),
      "]",
    ];
  });
}
