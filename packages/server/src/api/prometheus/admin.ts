/** Administration: deleting series, as far as it is switched on. */
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { deleteSamples } from "../../store/clickhouse/delete-samples.ts";
import { forgetSeries } from "../../store/clickhouse/forget-series.ts";
import { PrometheusError } from "./errors.ts";
import { type Context, type Exchange, noContent, type Route, selectorsOf } from "./exchange.ts";
import { timeParam, wrong } from "./params.ts";

export const adminRoutes: readonly Route[] = [
  [["POST", "PUT"], "/admin/tsdb/delete_series", deleteSeries],
  [["POST", "PUT"], "/admin/tsdb/clean_tombstones", cleanTombstones],
  [["POST", "PUT"], "/admin/tsdb/snapshot", snapshot],
];

/** Nothing is stored from much later than now. */
const AHEAD_MS = 86_400_000;

function checkEnabled({ views }: Context): void {
  // The status is Prometheus', which has none of its own for this type of error.
  if (views.admin?.enabled !== true)
    throw new PrometheusError(500, "unavailable", "admin APIs disabled");
}

async function deleteSeries(context: Context, exchange: Exchange): Promise<FastifyReply> {
  checkEnabled(context);
  const { params, ask } = exchange;
  const { source, engine, views, clock } = context;
  if (params.getAll("match[]").length === 0)
    throw new TriptychError("query_invalid", "no match[] parameter provided");
  const lastMs = clock.nowMs() + AHEAD_MS;
  const range = {
    fromMs: Math.max(0, timeParam(params, "start", 0)),
    toMs: Math.min(lastMs, timeParam(params, "end", lastMs)),
  };
  const selectors = selectorsOf(params);
  await views.admin?.settled?.();
  const ids = new Set<bigint>();
  for (const matchers of selectors)
    for (const { id } of await source.selectSeries(matchers, range, ask)) ids.add(id);
  await deleteSamples(engine, [...ids], range);
  views.admin?.forget?.([...ids], range);
  const { writeLabelsAgain, settled = () => Promise.resolve() } = views.admin ?? {};
  if (writeLabelsAgain !== undefined)
    await forgetSeries({ engine, writeLabelsAgain, settled }, [...ids]);
  return noContent(exchange);
}

/** The store frees the room of deleted rows by itself when it merges. */
async function cleanTombstones(context: Context, exchange: Exchange): Promise<FastifyReply> {
  checkEnabled(context);
  return noContent(exchange);
}

async function snapshot(context: Context, { params }: Exchange): Promise<FastifyReply> {
  checkEnabled(context);
  const given = params.get("skip_head") ?? "";
  if (!/^(?:|1|0|t|f|T|F|TRUE|FALSE|true|false|True|False)$/.test(given))
    throw wrong(
      "skip_head",
      `unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`,
    );
  throw new PrometheusError(
    500,
    "unavailable",
    "snapshots of the TSDB are not taken here: use `triptych backup DIR`, which copies journal and store consistently",
  );
}
