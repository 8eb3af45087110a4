/**
 * Searches as they were before TraceQL: `tags` in logfmt, matched as text anywhere in the value and in any case, and
 * bounds of the trace's duration. They become a TraceQL filter.
 */

import { parseGoDuration } from "../jaeger/go-duration.ts";
import { bad, param } from "./params.ts";

const TAGS_MAX = 64;
/** Names that never were attributes. */
const INTRINSICS: ReadonlyMap<string, string> = new Map([
  ["name", "name"],
  ["root.name", "rootName"],
  ["root.service.name", "rootServiceName"],
]);
const RESERVED = new Set([
  "q",
  "tags",
  "minDuration",
  "maxDuration",
  "limit",
  "start",
  "end",
  "spss",
]);

export function legacyQuery(params: URLSearchParams): string {
  const tagsText = param(params, "tags");
  const tags = tagsText === undefined ? loosePairs(params) : logfmtPairs(tagsText);
  const conditions = tags.map(([key, value]) => condition(key, value));
  const min = duration(params, "minDuration");
  const max = duration(params, "maxDuration");
  if (min !== undefined && max !== undefined && min > max)
    throw bad("invalid maxDuration: must be greater than minDuration");
  if (min !== undefined) conditions.push(`traceDuration >= ${min}ns`);
  if (max !== undefined) conditions.push(`traceDuration <= ${max}ns`);
  return `{ ${conditions.join(" && ")} }`;
}

function duration(params: URLSearchParams, name: string): number | undefined {
  const text = param(params, name);
  if (text === undefined) return undefined;
  const ns = parseGoDuration(text);
  if (ns === undefined || ns < 0)
    throw bad(`invalid ${name}: time: invalid duration ${JSON.stringify(text.slice(0, 40))}`);
  return ns === 0 ? undefined : ns;
}

/** Clients of the first hour gave each tag as a parameter of its own. */
function loosePairs(params: URLSearchParams): [string, string][] {
  if (param(params, "start") !== undefined || param(params, "end") !== undefined) return [];
  return [...params]
    .filter(([key, value]) => !RESERVED.has(key) && value !== "")
    .slice(0, TAGS_MAX);
}

const PAIR = /\s*([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?/y;

export function logfmtPairs(text: string): [string, string][] {
  const out = new Map<string, string>();
  let at = 0;
  while (at < text.length && /\S/.test(text.slice(at))) {
    PAIR.lastIndex = at;
    const found = PAIR.exec(text);
    const key = found?.[1];
    if (found === null || key === undefined)
      throw bad(`invalid tags: unexpected '${text.trim().charAt(0)}' at pos ${at + 1}`);
    if (out.has(key)) throw bad(`invalid tags: tag ${key} has been set twice`);
    out.set(key, found[2]?.replace(/\\(.)/gs, "$1") ?? found[3] ?? "");
    if (out.size > TAGS_MAX) throw bad(`invalid tags: more than ${TAGS_MAX}`);
    at += found[0].length;
  }
  return [...out];
}

function condition(key: string, value: string): string {
  if (key === "error" && (value === "true" || value === "")) return "status = error";
  if ((key === "status.code" || key === "status") && ["ok", "error", "unset"].includes(value))
    return `status = ${value}`;
  const field = INTRINSICS.get(key) ?? `."${key.replace(/[\\"]/g, "\\$&")}"`;
  const text = `${field} =~ ${JSON.stringify(`(?i).*${value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}.*`)}`;
  if (!/^-?\d+(\.\d+)?$/.test(value))
    return value === "true" || value === "false" ? `(${text} || ${field} = ${value})` : text;
  return INTRINSICS.has(key) ? text : `(${text} || ${field} = ${value})`;
}
