/**
 * Mapping rules of statsd_exporter: from a StatsD name to a metric's name and labels. Globs are tried in their order,
 * then regular expressions in theirs; what no rule takes keeps its name, with dots as underscores.
 */
import { TriptychError } from "@triptych/model";
import { type StatsdKind, statsdMetricName } from "@triptych/wire";
import { parse } from "yaml";
import { type StatsdMappingFile, statsdMappingSchema } from "../../config/statsd-schema.ts";
import { checkPattern, wholeGroups } from "../../regex/regex.ts";

export interface ObserverForm {
  readonly type: "summary" | "histogram";
  readonly buckets: readonly number[];
  readonly quantiles: readonly number[];
}

export interface Mapped {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly observer: ObserverForm;
  readonly help: string;
  readonly scale: number;
  /** Undefined where the file says nothing. */
  readonly ttlMs: number | undefined;
  /** Labels of the sender count more than those of the rule. */
  readonly honorsTags: boolean;
}

/** `drop` when a rule says that a metric is not wanted. */
export type Mapping = (name: string, kind: StatsdKind) => Mapped | "drop";

type Rule = StatsdMappingFile["mappings"][number];
type Observer = Pick<
  Rule,
  "observer_type" | "timer_type" | "histogram_options" | "summary_options" | "buckets" | "quantiles"
>;

/** client_golang's buckets, and the quantiles that statsd_exporter has without being told. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const QUANTILES = [0.5, 0.9, 0.99];
/** Names whose mapping is remembered; a name beyond is mapped each time. */
const REMEMBERED_MAX = 10_000;
const VALUE_CHARS_MAX = 1_000;

/** Throws `config_invalid` with the file's name. */
export function parseStatsdMapping(text: string, file: string): StatsdMappingFile {
  const fail = (why: string, cause?: unknown): TriptychError =>
    new TriptychError("config_invalid", `${file}: ${why}`, { cause });
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (cause) {
    throw fail(String(cause).slice(0, 300), cause);
  }
  const parsed = statsdMappingSchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "cannot be used"}`);
  }
  for (const { match, name, action } of parsed.data.mappings)
    if (action !== "drop" && (name ?? "") === "") throw fail(`the rule for ${match} has no name`);
  return parsed.data;
}

/** Throws `query_invalid` for a pattern that RE2 does not take. */
export function createMapping(file: StatsdMappingFile): Mapping {
  const defaults = file.defaults ?? {};
  const compiled = file.mappings.map((rule) => compile(rule, defaults));
  const globs = compiled.filter(({ isGlob }) => isGlob);
  const regexes = compiled.filter(({ isGlob }) => !isGlob);
  const unmapped = observerOf(defaults, {});
  const ttlMs = durationMs(defaults.ttl);
  const known = new Map<string, Mapped | "drop">();
  const map = (name: string, kind: StatsdKind): Mapped | "drop" => {
    for (const rule of [...globs, ...regexes]) {
      const found = rule.map(name, kind);
      if (found !== undefined) return found;
    }
    return {
      name: statsdMetricName(name),
      labels: [],
      observer: unmapped,
      help: "",
      scale: 1,
      ttlMs,
      honorsTags: false,
    };
  };
  return (name, kind) => {
    const key = `${kind} ${name}`;
    let found = known.get(key);
    if (found === undefined) {
      found = map(name, kind);
      if (known.size < REMEMBERED_MAX) known.set(key, found);
    }
    return found;
  };
}

function compile(
  rule: Rule,
  defaults: NonNullable<StatsdMappingFile["defaults"]>,
): {
  readonly isGlob: boolean;
  readonly map: (name: string, kind: StatsdKind) => Mapped | "drop" | undefined;
} {
  const isGlob = (rule.match_type || defaults.match_type || "glob") === "glob";
  const groupsOf = isGlob ? globGroups(rule.match) : regexGroups(rule.match);
  const type = rule.match_metric_type || "";
  const observer = observerOf(rule, defaults);
  const ttlMs = durationMs(rule.ttl) ?? durationMs(defaults.ttl);
  return {
    isGlob,
    map(name, kind) {
      if (!isOfType(kind, type)) return undefined;
      const groups = groupsOf(name);
      if (groups === undefined) return undefined;
      if (rule.action === "drop") return "drop";
      return {
        name: statsdMetricName(expand(rule.name ?? "", groups)),
        labels: Object.entries(rule.labels ?? {}).map(
          ([label, value]) => [statsdMetricName(label), expand(value, groups)] as const,
        ),
        observer,
        help: rule.help ?? "",
        scale: rule.scale ?? 1,
        ttlMs,
        honorsTags: rule.honor_labels ?? false,
      };
    },
  };
}

function isOfType(kind: StatsdKind, type: string): boolean {
  if (type === "") return true;
  if (kind === "set") return type === "gauge";
  if (kind === "counter" || kind === "gauge") return type === kind;
  return type !== "counter" && type !== "gauge";
}

type Groups = readonly (string | undefined)[];

/** `*` is one part between dots. */
function globGroups(match: string): (name: string) => Groups | undefined {
  const parts = match.split(".");
  return (name) => {
    const given = name.split(".");
    if (given.length !== parts.length) return undefined;
    const groups: string[] = [name];
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === "*") groups.push(given[i] as string);
      else if (parts[i] !== given[i]) return undefined;
    }
    return groups;
  };
}

/** A pattern may match anywhere in the name. */
function regexGroups(match: string): (name: string) => Groups | undefined {
  checkPattern(match);
  return wholeGroups(`(?s:.*?)(?:${match})(?s:.*)`).groups;
}

/** `$1` and `${1}` stand for groups. */
function expand(template: string, groups: Groups): string {
  return template
    .replace(
      /\$(?:\{(\d+)\}|(\d+))/g,
      (_whole, braced: string | undefined, bare: string | undefined) =>
        groups[Number(braced ?? bare)] ?? "",
    )
    .slice(0, VALUE_CHARS_MAX);
}

function observerOf(rule: Observer, defaults: Observer): ObserverForm {
  const type =
    rule.observer_type || rule.timer_type || defaults.observer_type || defaults.timer_type;
  const own = (of: Observer) => of.histogram_options?.buckets ?? of.buckets;
  const levels = (of: Observer) => of.summary_options?.quantiles ?? of.quantiles;
  return {
    type: type === "histogram" ? "histogram" : "summary",
    buckets: [...(own(rule) ?? own(defaults) ?? BUCKETS)].sort((a, b) => a - b),
    quantiles: (levels(rule) ?? levels(defaults))?.map(({ quantile }) => quantile) ?? QUANTILES,
  };
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** Go's durations; a number is nanoseconds, as Go has it. Undefined for none. */
function durationMs(given: string | number | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (typeof given === "number") return given / 1e6;
  let total = 0;
  for (const [, amount, unit] of given.matchAll(/([\d.]+)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS_MS.get(unit ?? "") ?? 0);
  return total;
}
