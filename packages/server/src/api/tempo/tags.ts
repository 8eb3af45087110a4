/** `search/tags` and `search/tag/…/values`, both versions: what there is to search for. */
import {
  type IntrinsicName,
  parseTraceql,
  parseTraceqlIdentifier,
  type Static,
  showStatic,
  staticKey,
  type Traceql,
  traceqlIntrinsics,
  validateTraceql,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { checkPattern } from "../../regex/regex.ts";
import { broad, conditionOf } from "../../store/clickhouse/select/traceql-condition.ts";
import {
  selectAttributeValues,
  selectIntrinsicValues,
  selectTagNames,
  type TagQuery,
  type TagScope,
  tagScopes,
} from "../../store/clickhouse/select/traceql-tags.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { type Exchange, readMetrics } from "./exchange.ts";
import { bad, param, searchRange, unsigned } from "./params.ts";
import { tagValue } from "./values.ts";

const NAMES_MAX = 10_000;
const VALUES_MAX = 10_000;
const HOUR_NS = 3_600_000_000_000n;

/** Names and values come from the last hours when no times are given: completion need not read everything. */
const RECENT_HOURS = 24n;

function tagQuery({ params, clock }: Exchange, limitMax: number): TagQuery {
  const given = param(params, "start") !== undefined || param(params, "end") !== undefined;
  const range = searchRange(params, clock);
  const recent: NsRange = { fromNs: range.toNs - RECENT_HOURS * HOUR_NS, toNs: range.toNs };
  const limit = unsigned(params, "limit");
  return {
    range: given ? range : recent,
    condition: filterOf(param(params, "q"), range),
    limit: limit === undefined || limit === 0 ? limitMax : Math.min(limit, limitMax),
  };
}

/** The filter of a query, which may still be half written: what cannot be read filters nothing. */
function filterOf(text: string | undefined, range: NsRange): TagQuery["condition"] {
  if (text === undefined) return undefined;
  for (const attempt of attempts(text)) {
    try {
      const query = parseTraceql(attempt);
      validateTraceql(query, checkPattern);
      if (query.kind !== "spansets" || query.pipeline.stages.length !== 1) return undefined;
      const [stage] = query.pipeline.stages;
      return stage?.kind === "filter" ? broad(conditionOf(stage.expr, range)) : undefined;
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
    }
  }
  return undefined;
}

const ATTEMPTS_MAX = 20;

/** The query, and then without the conditions of an `&&` that are not finished. */
function* attempts(text: string): Generator<string> {
  yield text;
  const inner = /^\s*\{([^{}]*)\}?\s*$/.exec(text)?.[1];
  if (inner === undefined || inner.includes("||")) return;
  const parts = inner.split("&&").slice(0, ATTEMPTS_MAX);
  const whole = parts.filter((part) => {
    try {
      validateTraceql(parseTraceql(`{ ${part} }`), checkPattern);
      return part.trim() !== "";
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
      return false;
    }
  });
  if (whole.length > 0) yield `{ ${whole.join(" && ")} }`;
}

/** Asked for by those who know them: no completion shows them. */
const UNLISTED: ReadonlySet<string> = new Set([
  ...["parent", "span:childCount", "nestedSetLeft", "nestedSetRight", "nestedSetParent"],
]);

const intrinsicNames: readonly string[] = traceqlIntrinsics
  .filter(({ name }) => !UNLISTED.has(name))
  .flatMap((spec) => [spec.name, ...("also" in spec ? spec.also : [])])
  .sort();

type ScopeName = TagScope | "intrinsic";

function scopesOf(params: URLSearchParams): readonly ScopeName[] {
  const scope = param(params, "scope");
  if (scope === undefined || scope === "none" || scope === "all")
    return [...tagScopes, "intrinsic"];
  const known = [...tagScopes, "intrinsic" as const].find((name) => name === scope);
  if (known === undefined) throw bad(`invalid scope: ${scope.slice(0, 40)}`);
  return [known];
}

async function names(exchange: Exchange): Promise<{ name: ScopeName; tags: readonly string[] }[]> {
  const query = tagQuery(exchange, NAMES_MAX);
  const scopes = scopesOf(exchange.params);
  return Promise.all(
    scopes.map(async (name) => ({
      name,
      tags:
        name === "intrinsic" ? intrinsicNames : await selectTagNames(exchange.reader, name, query),
    })),
  );
}

export async function tagsV1(exchange: Exchange): Promise<object> {
  const asked = param(exchange.params, "scope");
  const found = await names(exchange);
  // The first version lists attributes, and intrinsics only when they are asked for.
  const listed = found.filter(({ name }) => asked === "intrinsic" || name !== "intrinsic");
  const limit = unsigned(exchange.params, "limit") || NAMES_MAX;
  const tagNames = [...new Set(listed.flatMap(({ tags }) => tags))].sort().slice(0, limit);
  return { tagNames, metrics: readMetrics(exchange.reader) };
}

export async function tagsV2(exchange: Exchange): Promise<object> {
  const found = await names(exchange);
  const scopes = found.filter(({ tags }) => tags.length > 0);
  return { scopes, metrics: readMetrics(exchange.reader) };
}

const keywords: { readonly [name in IntrinsicName]?: readonly Static[] } = {
  status: (["error", "ok", "unset"] as const).map((value) => ({ type: "status", value })),
  kind: (["client", "consumer", "internal", "producer", "server", "unspecified"] as const).map(
    (value) => ({ type: "kind", value }),
  ),
};

async function valuesOf(exchange: Exchange, attribute: Traceql.Attribute): Promise<Static[]> {
  const query = tagQuery(exchange, VALUES_MAX);
  const { intrinsic } = attribute;
  if (intrinsic === undefined)
    return sorted(await selectAttributeValues(exchange.reader, attribute, query));
  const fixed = keywords[intrinsic];
  if (fixed !== undefined) return [...fixed];
  return sorted((await selectIntrinsicValues(exchange.reader, intrinsic, query)) ?? []);
}

function sorted(values: readonly Static[]): Static[] {
  const items = values.flatMap((value) => (value.type === "array" ? value.items : [value]));
  const distinct = new Map(items.map((value) => [staticKey(value), value]));
  return [...distinct.values()].sort((a, b) => (showStatic(a) < showStatic(b) ? -1 : 1));
}

function tagOf({ request }: Exchange): string {
  return (request.params as { readonly tag: string }).tag;
}

/** Values of a bare name: an intrinsic, or an attribute of any scope. */
export async function valuesV1(exchange: Exchange): Promise<object> {
  const tag = tagOf(exchange);
  const values = await valuesOf(exchange, bareTag(tag));
  const tagValues = [...new Set(values.map(showStatic))];
  return { tagValues, metrics: readMetrics(exchange.reader) };
}

function bareTag(tag: string): Traceql.Attribute {
  const known: { readonly [name: string]: string } = {
    "root.name": "rootName",
    "root.service.name": "rootServiceName",
    "status.code": "status",
  };
  try {
    return parseTraceqlIdentifier(known[tag] ?? tag);
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return {
      kind: "attribute",
      scope: "none",
      parent: false,
      name: tag,
      span: { start: 0, end: tag.length },
    };
  }
}

export async function valuesV2(exchange: Exchange): Promise<object> {
  const values = await valuesOf(exchange, parseTraceqlIdentifier(tagOf(exchange)));
  return { tagValues: values.map(tagValue), metrics: readMetrics(exchange.reader) };
}
