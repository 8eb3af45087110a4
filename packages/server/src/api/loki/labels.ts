/** Labels, their values, and streams. */
import type { FastifyReply } from "fastify";
import {
  indexedAttributes,
  type Labels,
  labelOfKey,
  labelsOf,
  SERVICE_LABEL,
  streamField,
  streamPairs,
} from "../../query/logs/loki-labels.ts";
import { commaSeparated } from "../comma-separated.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { type Context, type Exchange, optionalConditions } from "./exchange.ts";
import { rangeParam } from "./params.ts";

function sendList({ reply }: Exchange, items: readonly (string | Labels)[]): Promise<FastifyReply> {
  const write = (item: string | Labels): string => JSON.stringify(item);
  const pieces = (function* () {
    yield '{"status":"success","data":[';
    yield* commaSeparated(items, write);
    yield "]}";
  })();
  return sendJsonStream(reply, pieces);
}

export async function labelNames(
  { source, clock }: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const conditions = optionalConditions(params.get("query") ?? "", clock);
  const filter = { range: rangeParam(params, clock), conditions };
  const keys = await source.resourceKeys(filter, indexedAttributes, ask);
  const names = keys === null ? [] : [SERVICE_LABEL, ...keys.map(labelOfKey)];
  return sendList(exchange, [...new Set(names)].sort());
}

export async function labelValues(
  { source, clock }: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { params, ask, request } = exchange;
  const { name = "" } = request.params as { name?: string };
  const conditions = optionalConditions(params.get("query") ?? "", clock);
  const filter = { range: rangeParam(params, clock), conditions };
  return sendList(exchange, await source.values(filter, streamField(name), ask));
}

export async function seriesList(
  { source, clock }: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const range = rangeParam(params, clock);
  const texts = [...params.getAll("match[]"), ...params.getAll("match")];
  const found = new Map<string, Labels>();
  for (const text of texts.length === 0 ? [""] : texts) {
    const conditions = optionalConditions(text, clock);
    const streams = await source.streams({ range, conditions }, indexedAttributes, ask);
    for (const { service, attributes, schema } of streams) {
      const labels = labelsOf(streamPairs(service, attributes, schema));
      found.set(JSON.stringify(labels), labels);
    }
  }
  return sendList(exchange, [...found.values()]);
}
