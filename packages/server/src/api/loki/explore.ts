/** `patterns`, `detected_labels`, `detected_fields`, `detected_field/…/values`: what logs look like. */
import { parseGoFloat, parseLogQuery, type LogqlQuery } from "@triptych/lang";
import type { FastifyReply } from "fastify";
import { createReadTexts } from "../../query/logql/read-texts.ts";
import { runLogQuery } from "../../query/logql/run-logs.ts";
import { createDetector, type Detector } from "../../query/logs/detected.ts";
import { logPatterns } from "../../query/logs/log-patterns.ts";
import { indexedAttributes, streamPairs } from "../../query/logs/loki-labels.ts";
import {
  type Context,
  type Exchange,
  located,
  optionalConditions,
  parsedQuery,
} from "./exchange.ts";
import { countParam, rangeParam, stepParam } from "./params.ts";

function logQuery({ clock }: Context, { params }: Exchange): LogqlQuery {
  const text = params.get("query") ?? "";
  const expr = parsedQuery(text, clock);
  return expr.kind === "log_query" ? expr : located(text, () => parseLogQuery(text));
}

const PATTERNS_MAX = 300;
/** Loki's own slots are this long. */
const SLOT_MS_MIN = 10_000;

export async function patterns(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask, reply } = exchange;
  const range = rangeParam(params, context.clock);
  const startMs = Number(range.fromNs / 1_000_000n);
  const endMs = Number(range.toNs / 1_000_000n);
  const slotMs = Math.max(SLOT_MS_MIN, stepParam(params, { startMs, endMs }));
  const question = { query: logQuery(context, exchange), range, slotMs };
  const found = await logPatterns(createReadTexts(context), question, ask);
  const data = found.slice(0, PATTERNS_MAX).map(({ text, level, slots }) => ({
    pattern: text,
    ...(level === "" ? {} : { level }),
    samples: [...slots]
      .sort(([a], [b]) => a - b)
      .map(([ms, lines]) => [Math.floor(ms / 1000), lines]),
  }));
  return reply.send({ status: "success", data });
}

export async function detectedLabels(
  { source, clock }: Context,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { params, ask, reply } = exchange;
  const conditions = optionalConditions(params.get("query") ?? "", clock);
  const filter = { range: rangeParam(params, clock), conditions };
  const values = new Map<string, Set<string>>();
  for (const { service, attributes, schema } of await source.streams(
    filter,
    indexedAttributes,
    ask,
  ))
    for (const [name, value] of streamPairs(service, attributes, schema))
      values.set(name, (values.get(name) ?? new Set()).add(value));
  const detected = [...values]
    .filter(([, found]) => !areIds(found))
    .map(([label, found]) => ({ label, cardinality: found.size }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
  return reply.send({ detectedLabels: detected });
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Labels that only number things are not worth choosing by; 0 and 1 are yes and no. */
function areIds(values: ReadonlySet<string>): boolean {
  const all = [...values];
  if (all.every((value) => value === "0" || value === "1")) return false;
  return all.every((value) => isNumber(value) || UUID.test(value));
}

function isNumber(text: string): boolean {
  try {
    parseGoFloat(text);
    return true;
  } catch {
    return false;
  }
}

const LINES_STANDARD = 100;
const LINES_MAX = 5_000;
const FIELDS_STANDARD = 1_000;

async function detect(context: Context, exchange: Exchange): Promise<Detector> {
  const { params, ask } = exchange;
  const lines = countParam(params, "line_limit", { standard: LINES_STANDARD, max: LINES_MAX });
  const range = rangeParam(params, context.clock);
  const question = {
    query: logQuery(context, exchange),
    range,
    order: "newest",
    limit: lines,
  } as const;
  const detector = createDetector();
  for (const line of await runLogQuery(context, question, ask)) detector.add(line);
  return detector;
}

export async function detectedFields(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const limit = countParam(exchange.params, "limit", {
    standard: FIELDS_STANDARD,
    max: FIELDS_STANDARD,
  });
  const detector = await detect(context, exchange);
  return exchange.reply.send({ fields: detector.fields(limit), limit });
}

export async function detectedValues(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { name = "" } = exchange.request.params as { name?: string };
  const limit = countParam(exchange.params, "limit", {
    standard: FIELDS_STANDARD,
    max: FIELDS_STANDARD,
  });
  const detector = await detect(context, exchange);
  return exchange.reply.send({ values: detector.values(name, limit), limit });
}
