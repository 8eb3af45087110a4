/**
 * Elasticsearch's `filter_path`: keeps of an answer what the patterns name, so that a shipper of many documents reads
 * only what failed. `*` stands for a name or part of one, `**` for any number of names; a leading `-` leaves out.
 */
const PATTERNS_MAX = 32;
const STEPS_MAX = 16;

type Json = unknown;
type Pattern = readonly string[];

/** The function that filters; undefined when `filter_path` keeps everything. */
export function filterPath(text: string | undefined): ((answer: object) => object) | undefined {
  if (text === undefined || text === "") return undefined;
  const patterns = text
    .split(",", PATTERNS_MAX)
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "" && pattern !== "-");
  const kept = patterns.filter((pattern) => !pattern.startsWith("-")).map(steps);
  const left = patterns.filter((pattern) => pattern.startsWith("-")).map((p) => steps(p.slice(1)));
  if (patterns.length === 0) return undefined;
  return (answer) => {
    const some = kept.length === 0 ? answer : (keep(answer, kept) ?? {});
    return (left.length === 0 ? some : leaveOut(some, left)) as object;
  };
}

const steps = (pattern: string): Pattern => pattern.split(".", STEPS_MAX);

/** The part of `value` that one of the patterns names; undefined for none. */
function keep(value: Json, patterns: readonly Pattern[]): Json {
  if (patterns.some((pattern) => pattern.length === 0 || isRest(pattern))) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => keep(item, patterns)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const members: [string, Json][] = [];
  for (const [name, item] of Object.entries(value)) {
    const rest = patterns.flatMap((pattern) => after(pattern, name));
    const found = rest.length === 0 ? undefined : keep(item, rest);
    if (found !== undefined) members.push([name, found]);
  }
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

function leaveOut(value: Json, patterns: readonly Pattern[]): Json {
  if (Array.isArray(value)) return value.map((item) => leaveOut(item, patterns));
  if (typeof value !== "object" || value === null) return value;
  const members: [string, Json][] = [];
  for (const [name, item] of Object.entries(value)) {
    const rest = patterns.flatMap((pattern) => after(pattern, name));
    if (rest.some((pattern) => pattern.length === 0 || isRest(pattern))) continue;
    members.push([name, rest.length === 0 ? item : leaveOut(item, rest)]);
  }
  return Object.fromEntries(members);
}

const isRest = (pattern: Pattern): boolean => pattern.length === 1 && pattern[0] === "**";

/** What is left of a pattern below the member `name`. */
function after(pattern: Pattern, name: string): Pattern[] {
  const [first = "", ...rest] = pattern;
  if (first !== "**") return matches(first, name) ? [rest] : [];
  const [second] = rest;
  return second !== undefined && matches(second, name) ? [pattern, rest.slice(1)] : [pattern];
}

/** One `*` or more in a name, in time of the two lengths. */
function matches(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  const parts = pattern.split("*");
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
