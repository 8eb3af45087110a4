/** What may stand where the cursor is in the search bar, and what is wrong with what stands there already. */
import type { SearchSuggestions } from "@triptych/contract";
import { completeKql, quoteKql } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { LogAsk } from "../../query/logs/source.ts";
import { logFieldNames, logsSearch, placeOfLogField } from "../../query/search-bar/logs-search.ts";
import {
  placeOfSpanField,
  spanFieldNames,
  spansSearch,
} from "../../query/search-bar/spans-search.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { logKeysSql, logValuesSql } from "../../store/clickhouse/select/logs-texts.ts";
import { readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import { spanKeysSql, spanValuesSql } from "../../store/clickhouse/select/traces-names.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";
import type { answerInfo } from "./answer-info.ts";
import type { QueryParams } from "./params.ts";

const OPTIONS_MAX = 12;
const NS_PER_MS = 1_000_000n;
const levelNames = ["fatal", "error", "warn", "info", "debug", "trace", "unknown"];
const statusNames = ["error", "ok", "unset"];
const durations = ["100ms", "500ms", "1s", "2s", "10s"];
const times = ["now-5m", "now-15m", "now-1h", "now-1d", "now/d"];

interface Deps {
  readonly engine: Engine;
  readonly clock: Clock;
}
interface Asked {
  readonly ask: LogAsk;
  readonly info: ReturnType<typeof answerInfo>;
}
interface Range {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** What differs between the signals. */
interface Language {
  readonly check: (text: string) => void;
  readonly names: readonly string[];
  readonly keys: (range: Range, like: string) => Sql;
  /** Values that are known, or how to look for them. */
  readonly values: (field: string, range: Range, like: string) => readonly string[] | Sql;
}

/** GET /logs/suggest?search&at&from&to */
export function logSuggestions(deps: Deps, params: QueryParams, asked: Asked) {
  return suggestions(deps, params, asked, {
    check: (text) => logsSearch(text, deps.clock.nowMs()),
    names: logFieldNames,
    keys: (range, like) => logKeysSql({ range, conditions: [] }, like, OPTIONS_MAX),
    values(field, range, like) {
      const place = placeOfLogField(field);
      if (place === "level") return levelNames;
      if (place === "time") return times;
      const [first] = place.fields;
      if (first === undefined || first.kind === "body") return [];
      return logValuesSql({ range, conditions: [] }, first, like, OPTIONS_MAX);
    },
  });
}

/** GET /traces/suggest?search&at&from&to */
export function spanSuggestions(deps: Deps, params: QueryParams, asked: Asked) {
  return suggestions(deps, params, asked, {
    check: (text) => spansSearch(text, deps.clock.nowMs()),
    names: spanFieldNames,
    keys: (range, like) => spanKeysSql(range, like, OPTIONS_MAX),
    values(field, range, like) {
      const place = placeOfSpanField(field);
      if (place === "time") return times;
      if (place === "duration") return durations;
      if (place === "status") return statusNames;
      if (place === "error") return ["true", "false"];
      return spanValuesSql(range, place, { like, limit: OPTIONS_MAX });
    },
  });
}

async function suggestions(
  { engine, clock }: Deps,
  params: QueryParams,
  { ask, info }: Asked,
  language: Language,
): Promise<SearchSuggestions> {
  const text = params.text("search") ?? "";
  const at = Math.min(params.number("at", { min: 0 }) ?? text.length, text.length);
  const { from, to } = params.range(clock);
  const range = { fromNs: BigInt(from) * NS_PER_MS, toNs: BigInt(to) * NS_PER_MS };
  const place = completeKql(text, Math.floor(at));
  const query = async (sql: Sql): Promise<string[]> => {
    const result = await engine.select(sql, { signal: ask.signal });
    if (ask.cost !== undefined) {
      ask.cost.rowsRead += result.rowsRead;
      ask.cost.bytesRead += result.bytesRead;
    }
    return readRows(result, (block) => textCells(block, "name"));
  };
  const like = (name: string): boolean => name.toLowerCase().includes(place.prefix.toLowerCase());
  const options = async (): Promise<readonly string[]> => {
    switch (place.kind) {
      case "value": {
        const values = language.values(place.field, range, place.prefix);
        const known = "parts" in values ? await query(values) : values.filter(like);
        return known.map(valueText);
      }
      case "field": {
        const keys = await query(language.keys(range, place.prefix));
        const names = [...language.names.filter(like), ...keys.map(fieldText)];
        return [...new Set(names)].slice(0, OPTIONS_MAX);
      }
      case "operator":
        return ["and", "or", "and not"];
      default:
        return [];
    }
  };
  return {
    ...info(),
    kind: place.kind,
    start: place.span.start,
    end: place.span.end,
    options: await options(),
    ...problemOf(text, language),
  };
}

function problemOf(text: string, language: Language): Pick<SearchSuggestions, "problem"> {
  try {
    language.check(text);
    return {};
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return { problem: { message: error.message, offset: error.offset ?? 0 } };
  }
}

const PLAIN_VALUE = /^(?!(?:and|or|not)$)[\p{L}\p{N}_@.][\p{L}\p{N}_@./-]*$/iu;
const valueText = (value: string): string => (PLAIN_VALUE.test(value) ? value : quoteKql(value));
const fieldText = (name: string): string =>
  /^[\p{L}\p{N}_@.][\p{L}\p{N}_@.-]*$/u.test(name) ? name : quoteKql(name);
