/** `index/stats`, `index/volume`, `index/volume_range`. */
import type { FastifyReply } from "fastify";
import { logStats, logVolumes, type Volume } from "../../query/logs/volume.ts";
import { parseStreamSelector } from "@triptych/lang";
import { type Context, type Exchange, optionalConditions, selectorConditions } from "./exchange.ts";
import { countParam, rangeParam, stepParam, wrong } from "./params.ts";

export async function indexStats(
  { engine, clock }: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { params, ask, reply } = exchange;
  const conditions = selectorConditions(params.get("query") ?? "", clock);
  const filter = { range: rangeParam(params, clock), conditions };
  return reply.send(await logStats(engine, filter, ask));
}

const AGGREGATIONS: ReadonlySet<string> = new Set(["", "series", "labels"]);
const VOLUMES_STANDARD = 100;
export const VOLUMES_MAX = 1000;

async function volumes(
  { engine, clock }: Context,
  { params, ask }: Exchange,
  slotNs: (range: { fromNs: bigint; toNs: bigint }) => bigint,
): Promise<{ found: Volume[]; fromNs: bigint; toNs: bigint; slotNs: bigint }> {
  const text = params.get("query") ?? "";
  const conditions = optionalConditions(text, clock);
  const range = rangeParam(params, clock);
  const targets = (params.get("targetLabels") ?? "").split(",").filter((name) => name !== "");
  // Without targets the labels of the selector make the volumes, and all labels when each is for itself.
  const aggregateBy = params.get("aggregateBy") ?? "";
  if (!AGGREGATIONS.has(aggregateBy))
    throw wrong(`invalid aggregation option "${aggregateBy.slice(0, 50)}": it is series or labels`);
  const byLabel = aggregateBy === "labels";
  const asked =
    conditions.length === 0 || byLabel ? [] : parseStreamSelector(text).map(({ name }) => name);
  const names = targets.length > 0 ? targets : asked;
  const limit = countParam(params, "limit", { standard: VOLUMES_STANDARD, max: VOLUMES_MAX });
  const slots = { afterNs: range.fromNs, slotNs: slotNs(range) };
  const found = await logVolumes(
    engine,
    {
      range,
      conditions,
      slots,
      labels: names.length === 0 ? undefined : new Set(names),
      byLabel,
    },
    ask,
  );
  return { found: found.slice(0, limit), ...range, slotNs: slots.slotNs };
}

export async function indexVolume(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { found, toNs } = await volumes(
    context,
    exchange,
    (range) => range.toNs - range.fromNs + 1n,
  );
  const seconds = Number(toNs / 1_000_000n) / 1000;
  const result = found.map(({ labels, bytes }) => ({
    metric: labels,
    value: [seconds, String(bytes)],
  }));
  return exchange.reply.send({ status: "success", data: { resultType: "vector", result } });
}

export async function indexVolumeRange(
  context: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { found, fromNs, slotNs } = await volumes(context, exchange, (range) => {
    const startMs = Number(range.fromNs / 1_000_000n);
    const endMs = Number(range.toNs / 1_000_000n);
    return BigInt(Math.round(stepParam(exchange.params, { startMs, endMs }) * 1e6));
  });
  const at = (slot: number): number => Number((fromNs + BigInt(slot) * slotNs) / 1_000_000n) / 1000;
  const result = found.map(({ labels, slots }) => ({
    metric: labels,
    values: [...slots].sort(([a], [b]) => a - b).map(([slot, bytes]) => [at(slot), String(bytes)]),
  }));
  return exchange.reply.send({ status: "success", data: { resultType: "matrix", result } });
}
