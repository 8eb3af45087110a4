/**
 * `/search/metric_names`, `/search/label_names` and `/search/label_values`: names that fit what somebody types, as lines
 * of JSON: batches of results, then how it ended. Errors before the first line have the usual form.
 */
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import type { MetadataEntry, SeriesMatcher } from "../../query/metrics/source.ts";
import { type NameSearch, nameTest } from "../../query/name-search/score.ts";
import { createPacing } from "../../query/pacing.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { type Context, type Exchange, type Route, selectorsOf } from "./exchange.ts";
import { timeParam, wholeNumber } from "./params.ts";

export const searchRoutes: readonly Route[] = [
  [["GET", "POST"], "/search/metric_names", metricNames],
  [["GET", "POST"], "/search/label_names", labelNames],
  [["GET", "POST"], "/search/label_values", labelValues],
];

/** Prometheus' own bounds: more terms make each name cost more, and a longer list is no help for who types. */
const TERMS_MAX = 32;
const LIMIT_MAX = 10_000;
const LIMIT = 100;
const BATCH = 100;
const HOUR_MS = 3_600_000;
const AHEAD_MS = 86_400_000;

interface Found {
  readonly text: string;
  readonly score: number;
}

interface Search extends NameSearch {
  readonly matchers: readonly SeriesMatcher[][];
  readonly range: { readonly fromMs: number; readonly toMs: number };
  readonly compare: (a: Found, b: Found) => number;
  readonly includeScore: boolean;
  readonly limit: number;
  readonly batchSize: number;
}

const wrong = (message: string): TriptychError => new TriptychError("query_invalid", message);

function flag(params: URLSearchParams, name: string, fallback: boolean): boolean {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(given)) return false;
  if (["1", "t", "T", "true", "TRUE", "True"].includes(given)) return true;
  throw wrong(`invalid ${name} ${JSON.stringify(given)}: must be boolean`);
}

function positive(params: URLSearchParams, name: string, fallback: number): number {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  const value = wholeNumber(given);
  if (value === undefined || value <= 0)
    throw wrong(`invalid ${name} ${JSON.stringify(given)}: must be a positive integer`);
  return value;
}

const ascending = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function orderOf(params: URLSearchParams, terms: readonly string[]): Search["compare"] {
  const by = params.get("sort_by") ?? "";
  const direction = params.get("sort_dir") ?? "";
  if (direction !== "" && by === "") throw wrong("sort_dir is only valid when sort_by is set");
  if (direction !== "" && by === "score")
    throw wrong("sort_dir is not supported for sort_by=score");
  if (!["", "asc", "dsc"].includes(direction))
    throw wrong(`invalid sort_dir ${JSON.stringify(direction)}: must be "asc" or "dsc"`);
  if (!["", "alpha", "score"].includes(by))
    throw wrong(`invalid sort_by ${JSON.stringify(by)}: must be "alpha" or "score"`);
  if (by === "score") {
    if (terms.length === 0) throw wrong("sort_by=score requires search[] to be set");
    return (a, b) => b.score - a.score || ascending(a.text, b.text);
  }
  return direction === "dsc"
    ? (a, b) => ascending(b.text, a.text)
    : (a, b) => ascending(a.text, b.text);
}

function searchOf({ clock }: Context, params: URLSearchParams): Search {
  const nowMs = clock.nowMs();
  const terms = params.getAll("search[]");
  if (terms.length > TERMS_MAX)
    throw wrong(`too many search[] terms: got ${terms.length}, maximum is ${TERMS_MAX}`);
  const threshold = params.get("fuzz_threshold") ?? "";
  const percent = threshold === "" ? 0 : (wholeNumber(threshold) ?? -1);
  if (percent < 0 || percent > 100)
    throw wrong(`invalid fuzz_threshold ${JSON.stringify(threshold)}: must be 0-100`);
  const algorithm = params.get("fuzz_alg") ?? "";
  if (!["", "subsequence", "jarowinkler"].includes(algorithm))
    throw wrong(
      `unsupported fuzz_alg ${JSON.stringify(algorithm)}: must be one of [subsequence jarowinkler]`,
    );
  const limit = positive(params, "limit", LIMIT);
  if (limit > LIMIT_MAX)
    throw wrong(`limit ${limit} exceeds the configured maximum (${LIMIT_MAX})`);
  const matchers = selectorsOf(params);
  return {
    matchers: matchers.length === 0 ? [[]] : matchers,
    range: {
      fromMs: Math.max(0, timeParam(params, "start", nowMs - HOUR_MS)),
      toMs: Math.min(nowMs + AHEAD_MS, timeParam(params, "end", nowMs)),
    },
    terms,
    threshold: percent / 100,
    algorithm: algorithm === "jarowinkler" ? "jarowinkler" : "subsequence",
    caseSensitive: flag(params, "case_sensitive", true),
    compare: orderOf(params, terms),
    includeScore: flag(params, "include_score", false),
    limit,
    batchSize: positive(params, "batch_size", BATCH),
  };
}

/** What fits, best or first first. */
async function find(
  search: Search,
  { ask }: Exchange,
  texts: (matchers: SeriesMatcher[]) => Promise<readonly string[]>,
): Promise<Found[]> {
  const all = new Set<string>();
  for (const matchers of search.matchers) for (const text of await texts(matchers)) all.add(text);
  const scoreOf = nameTest(search);
  const pacing = createPacing(ask.signal);
  const found: Found[] = [];
  let done = 0;
  for (const text of all) {
    const score = scoreOf(text);
    if (score !== undefined) found.push({ text, score });
    if (++done % 256 === 0) await pacing.pause();
  }
  return found.sort(search.compare);
}

function send(
  { reply }: Exchange,
  { limit, batchSize, includeScore }: Search,
  found: readonly Found[],
  record: (text: string) => Readonly<Record<string, string>>,
): Promise<FastifyReply> {
  const shown = found.slice(0, limit);
  return sendJsonStream(
    reply,
    (function* () {
      let at = 0;
      do {
        const results = shown
          .slice(at, at + batchSize)
          .map(({ text, score }) => ({ ...record(text), ...(includeScore ? { score } : {}) }));
        yield `${JSON.stringify({ results })}\n`;
        at += batchSize;
      } while (at < shown.length);
      yield `${JSON.stringify({ status: "success", has_more: found.length > limit })}\n`;
    })(),
    "application/x-ndjson; charset=utf-8",
  );
}

async function metricNames(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { source } = context;
  const { params, ask } = exchange;
  const search = searchOf(context, params);
  const withMetadata = flag(params, "include_metadata", false);
  const { range } = search;
  const found = await find(search, exchange, (matchers) =>
    source.labelValues("__name__", { matchers, range }, ask),
  );
  const shown = found.slice(0, search.limit);
  const known =
    withMetadata && shown.length > 0
      ? await source.metadata(
          shown.map(({ text }) => text),
          ask,
        )
      : [];
  const byFamily = new Map(known.map((one) => [one.family, one]));
  return send(exchange, search, found, (name) => ({ name, ...about(byFamily.get(name)) }));
}

/** What is empty is left out. */
function about(entry: MetadataEntry | undefined): Readonly<Record<string, string>> {
  if (entry === undefined) return {};
  const { type, help, unit } = entry;
  return Object.fromEntries(Object.entries({ type, help, unit }).filter(([, text]) => text !== ""));
}

async function labelNames(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const search = searchOf(context, exchange.params);
  const found = await find(search, exchange, (matchers) =>
    context.source.labelNames(matchers, search.range, exchange.ask),
  );
  return send(exchange, search, found, (name) => ({ name }));
}

async function labelValues(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const search = searchOf(context, exchange.params);
  const label = exchange.params.get("label") ?? "";
  if (label === "") throw wrong('missing required parameter "label"');
  const { range } = search;
  const found = await find(search, exchange, (matchers) =>
    context.source.labelValues(label, { matchers, range }, exchange.ask),
  );
  return send(exchange, search, found, (value) => ({ value }));
}
