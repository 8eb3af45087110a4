/**
 * A line of StatsD: `name:value|type|@rate|#tags`, with what clients add to it: several values, tags in the styles of
 * DogStatsD, InfluxDB, Librato and SignalFx, a container's id, a time. What is read is what statsd_exporter reads.
 */

export type StatsdKind = "counter" | "gauge" | "timer" | "histogram" | "distribution" | "set";

export interface StatsdSample {
  readonly kind: StatsdKind;
  /** As sent; a timer's is in milliseconds. 0 for a set. */
  readonly value: number;
  /** Of a gauge with a sign: what is added to it. */
  readonly isRelative: boolean;
  /** One over the sample rate: as many as this one stands for. */
  readonly weight: number;
  /** The member, of a set. */
  readonly member: string;
}

export interface StatsdLine {
  readonly name: string;
  readonly tags: readonly (readonly [name: string, value: string])[];
  readonly samples: readonly StatsdSample[];
  /** Why parts of the line were left out, one entry each. */
  readonly problems: readonly string[];
}

const KINDS: ReadonlyMap<string, StatsdKind> = new Map([
  ["c", "counter"],
  ["g", "gauge"],
  ["ms", "timer"],
  ["h", "histogram"],
  ["d", "distribution"],
  ["s", "set"],
]);
const TAGS_MAX = 64;
const VALUES_MAX = 1_000;
const PARTS_MAX = 8;
/** Names that may have several values in a line also when it has tags. */
const PACKED: ReadonlySet<string | undefined> = new Set(["timer", "histogram", "distribution"]);

/** `ignored` for events and service checks of DogStatsD, which are no metrics; a problem's name for what is no line. */
export function parseStatsdLine(line: string): StatsdLine | string {
  if (line.startsWith("_e{") || line.startsWith("_sc|")) return "ignored";
  const tags: [string, string][] = [];
  const { head, rest } = splitName(line);
  if (rest === undefined) return "malformed_line";
  const name = readName(head, tags);
  if (name === "") return "malformed_line";
  const isDog = rest.includes("|#");
  if (isDog && tags.length > 0) return "mixed_tagging_styles";
  const problems: string[] = [];
  const samples: StatsdSample[] = [];
  for (const text of samplesOf(rest, isDog, problems)) {
    const sample = readSample(text, tags, problems);
    if (sample !== undefined) samples.push(sample);
  }
  return { name, tags, samples, problems };
}

/** The name ends at the first colon that is not inside SignalFx's brackets. */
function splitName(line: string): { readonly head: string; readonly rest: string | undefined } {
  const open = line.indexOf("[");
  const close = open < 0 ? -1 : line.indexOf("]", open);
  const first = line.indexOf(":");
  const colon = close > 0 && first > open && first < close ? line.indexOf(":", close) : first;
  return colon <= 0
    ? { head: line, rest: undefined }
    : { head: line.slice(0, colon), rest: line.slice(colon + 1) };
}

function readName(head: string, tags: [string, string][]): string {
  const open = head.indexOf("[");
  const close = head.indexOf("]");
  if (open >= 0 && close > open) {
    readTags(head.slice(open + 1, close), "=", tags);
    return head.slice(0, open) + head.slice(close + 1);
  }
  const at = head.search(/[#,]/);
  if (at < 0) return head;
  readTags(head.slice(at + 1), "=", tags);
  return head.slice(0, at);
}

function readTags(text: string, separator: string, tags: [string, string][]): void {
  for (const part of text.split(",", TAGS_MAX)) {
    const tag = part.startsWith("#") ? part.slice(1) : part;
    const at = tag.indexOf(separator);
    if (at > 0 && at < tag.length - 1 && tags.length < TAGS_MAX)
      tags.push([tag.slice(0, at), tag.slice(at + 1)]);
  }
}

/** Each value with its parts: `1:2:3|ms|@0.5` and `1|c:2|c` are both several. */
function samplesOf(rest: string, isDog: boolean, problems: string[]): readonly string[] {
  const bar = rest.indexOf("|");
  if (bar < 0) {
    problems.push("not_enough_parts_after_colon");
    return [];
  }
  const values = rest.slice(0, bar);
  if (values.includes(":")) {
    const parts = rest.slice(bar);
    const kind = KINDS.get(parts.slice(1).split("|", 1)[0] ?? "");
    if (!PACKED.has(kind)) {
      problems.push("invalid_extended_aggregate_type");
      return [];
    }
    return values.split(":", VALUES_MAX).map((value) => value + parts);
  }
  // A container's id also has a colon; it stands behind the type.
  return isDog || /\|[^|:]*\|c:/.test(rest) ? [rest] : rest.split(":", VALUES_MAX);
}

function readSample(
  text: string,
  tags: [string, string][],
  problems: string[],
): StatsdSample | undefined {
  const parts = text.split("|", PARTS_MAX + 1);
  const problem = (name: string): undefined => void problems.push(name);
  if (parts.length < 2 || parts.length > PARTS_MAX || parts.includes("", 2))
    return problem("malformed_component");
  const [valueText = "", type = ""] = parts;
  const kind = KINDS.get(type);
  if (kind === undefined) return problem("illegal_event");
  const value = kind === "set" ? 0 : readNumber(valueText);
  if (Number.isNaN(value)) return problem("malformed_value");
  let rate = 1;
  for (const part of parts.slice(2)) {
    if (part.startsWith("@")) rate = readNumber(part.slice(1));
    else if (part.startsWith("#")) {
      // Several values share the tags of their line.
      if (tags.length === 0) readTags(part.slice(1), ":", tags);
    } else if (part.startsWith("c:") && part.length > 2)
      addOnce(tags, "container_id", part.slice(2));
    else if (!/^(T\d+|e:.*|card:.*)$/.test(part)) return problem("malformed_component");
  }
  if (!(rate > 0) || rate > 1) {
    if (rate !== 0) problems.push("invalid_sample_factor");
    rate = 1;
  }
  const isRelative = kind === "gauge" && /^[+-]/.test(valueText);
  const weight = kind === "gauge" || kind === "set" ? 1 : 1 / rate;
  return { kind, value, isRelative, weight, member: kind === "set" ? valueText : "" };
}

function addOnce(tags: [string, string][], name: string, value: string): void {
  if (!tags.some(([known]) => known === name)) tags.push([name, value]);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function readNumber(text: string): number {
  return text.length < 64 && NUMBER.test(text) ? Number(text) : Number.NaN;
}

/** A name that Prometheus takes: what may not stand in one becomes `_`, as statsd_exporter does. */
export function statsdMetricName(name: string): string {
  const clean = name.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^\d/.test(clean) ? `_${clean}` : clean;
}
