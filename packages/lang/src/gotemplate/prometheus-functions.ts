/** The functions that Prometheus adds to templates, for alert texts and rule labels. */
import { parseDurationMs } from "../promql/go-format.ts";
import { queryEscape } from "./escape.ts";
import * as numbers from "./humanize.ts";
import {
  type FunctionTable,
  type GoFunction,
  type GoList,
  type GoMap,
  type GoObject,
  type GoValue,
  goList,
  goMap,
  goStringMap,
  goStruct,
} from "./value.ts";

export interface TemplateSample {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** A number, or how a native histogram prints. */
  readonly value: number | GoObject;
}

export interface PrometheusTemplateDeps {
  /** Result of a query at the template's time. Throws what is wrong with it. */
  readonly query: (text: string) => readonly TemplateSample[];
  readonly nowMs: number;
  /** Such as `http://host:9090/prefix`, without a slash at its end. */
  readonly externalUrl: string;
  /** RE2's meaning, matching anywhere. */
  readonly matches: (pattern: string, text: string) => boolean;
  /** As Go's `ReplaceAllString`. */
  readonly replaceAll: (pattern: string, text: string, replacement: string) => string;
}

const VECTOR = "template.queryResult";
const SAMPLE = "*template.sample";

const fn = (params: readonly string[], call: (...args: GoValue[]) => GoValue): GoFunction => ({
  params,
  call: (args) => call(...args),
});
const text = (call: (...args: string[]) => GoValue, count = 1): GoFunction => ({
  params: new Array<string>(count).fill("string"),
  call: (args) => call(...args.map(String)),
});

/** Only names and parameters matter to those who parse. */
export const parsedOnly: PrometheusTemplateDeps = {
  query: () => [],
  nowMs: 0,
  externalUrl: "",
  matches: () => false,
  replaceAll: (_pattern, given) => given,
};

export function prometheusFunctions(deps: PrometheusTemplateDeps): FunctionTable {
  return new Map<string, GoFunction>([
    ["query", text((query = "") => vectorOf(deps.query(query)))],
    ["first", fn([VECTOR], (vector) => firstOf(vector))],
    ["label", fn(["string", SAMPLE], (name, sample) => labelOf(sample, String(name)))],
    ["value", fn([SAMPLE], (sample) => fieldOf(sample, "Value"))],
    ["strvalue", fn([SAMPLE], (sample) => labelOf(sample, "__value__"))],
    ["sortByLabel", fn(["string", VECTOR], (name, vector) => sortedBy(String(name), vector))],
    ["args", { params: ["any"], variadic: true, call: (args) => argsOf(args) }],
    [
      "tmpl",
      {
        params: ["string", "any"],
        call: ([name, data = null], run) => safe(run.execute(String(name), data)),
      },
    ],
    ["safeHtml", text((given = "") => safe(given))],
    ["match", text((pattern = "", given = "") => deps.matches(pattern, given), 2)],
    [
      "reReplaceAll",
      text((pattern = "", by = "", given = "") => deps.replaceAll(pattern, given, by), 3),
    ],
    ["title", text((given = "") => titleOf(given))],
    ["toUpper", text((given = "") => given.toUpperCase())],
    ["toLower", text((given = "") => given.toLowerCase())],
    ["graphLink", text((expr = "") => graphLink(expr))],
    ["tableLink", text((expr = "") => tableLink(expr))],
    ["stripPort", text((given = "") => splitHostPort(given)?.host ?? given)],
    ["stripDomain", text((given = "") => stripDomain(given))],
    ["urlQueryEscape", text((given = "") => queryEscape(given))],
    ["humanize", fn(["any"], (value = null) => numbers.humanize(value))],
    ["humanize1024", fn(["any"], (value = null) => numbers.humanize1024(value))],
    ["humanizeDuration", fn(["any"], (value = null) => numbers.humanizeDuration(value))],
    ["humanizePercentage", fn(["any"], (value = null) => numbers.humanizePercentage(value))],
    ["humanizeTimestamp", fn(["any"], (value = null) => numbers.humanizeTimestamp(value))],
    ["toTime", fn(["any"], (value = null) => numbers.toTime(value))],
    ["toDuration", fn(["any"], (value = null) => numbers.toDuration(value))],
    ["now", fn([], () => deps.nowMs / 1000)],
    ["parseDuration", text((given = "") => parseSigned(given) / 1000)],
    ["externalURL", fn([], () => deps.externalUrl)],
    ["pathPrefix", fn([], () => pathOf(deps.externalUrl))],
  ]);
}

export function vectorOf(samples: readonly TemplateSample[]): GoList {
  return goList(samples.map(sampleOf), VECTOR);
}

export function sampleOf({ labels, value }: TemplateSample): GoObject {
  return goStruct(SAMPLE, { Labels: goStringMap(labels), Value: value });
}

/** What `.` is in the texts of an alert. */
export function alertData(data: {
  readonly labels: Iterable<readonly [string, string]>;
  readonly externalLabels: Iterable<readonly [string, string]>;
  readonly externalUrl: string;
  readonly value: number | GoObject;
}): GoObject {
  return goStruct(
    "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }",
    {
      Labels: goStringMap(data.labels),
      ExternalLabels: goStringMap(data.externalLabels),
      ExternalURL: data.externalUrl,
      Value: data.value,
    },
  );
}

/** Stands before the texts of an alert, so that places in messages count from it as in Prometheus. */
export const alertVariables =
  "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

function firstOf(vector: GoValue | undefined): GoValue {
  const first = itemsOf(vector)[0];
  if (first === undefined) throw new Error("first() called on vector with no elements");
  return first;
}

function itemsOf(vector: GoValue | undefined): readonly GoValue[] {
  return typeof vector === "object" && vector?.kind === "list" ? vector.items : [];
}

function fieldOf(value: GoValue | undefined, name: string): GoValue {
  if (typeof value !== "object" || value?.kind !== "object")
    throw new Error("runtime error: invalid memory address or nil pointer dereference");
  return value.fields.get(name) ?? null;
}

function labelOf(sample: GoValue | undefined, name: string): string {
  const labels = fieldOf(sample, "Labels");
  const isMap = typeof labels === "object" && labels?.kind === "map";
  return isMap ? String((labels as GoMap).entries.get(name) ?? "") : "";
}

function sortedBy(name: string, vector: GoValue | undefined): GoList {
  const keyed = itemsOf(vector).map((item) => ({ item, key: labelOf(item, name) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return goList(
    keyed.map(({ item }) => item),
    VECTOR,
  );
}

function argsOf(args: readonly GoValue[]): GoMap {
  return goMap(args.map((arg, i) => [`arg${i}`, arg] as const));
}

/** A text that is not escaped in HTML. */
function safe(html: string): GoObject {
  return {
    kind: "object",
    type: "template.HTML",
    fields: new Map(),
    methods: new Map(),
    text: html,
    safe: true,
  };
}

/** Capitals where a word begins; what is no letter, digit or underscore separates words. */
function titleOf(given: string): string {
  let out = "";
  let before = " ";
  for (const c of given) {
    out += isSeparator(before) ? c.toUpperCase() : c;
    before = c;
  }
  return out;
}

function isSeparator(c: string): boolean {
  if (c <= "\u007f") return !/[A-Za-z0-9_]/.test(c);
  return !/[\p{L}\p{Nd}]/u.test(c) && /\s/.test(c);
}

export const graphLink = (expr: string): string => `/graph?g0.expr=${queryEscape(expr)}&g0.tab=0`;
export const tableLink = (expr: string): string => `/graph?g0.expr=${queryEscape(expr)}&g0.tab=1`;

/** As Go's `net.SplitHostPort`; nothing when it would be an error. */
function splitHostPort(given: string): { host: string; port: string } | undefined {
  const colon = given.lastIndexOf(":");
  if (colon < 0) return undefined;
  if (given.startsWith("[")) {
    const close = given.indexOf("]");
    if (close < 0 || close + 1 !== colon) return undefined;
    return { host: given.slice(1, close), port: given.slice(colon + 1) };
  }
  const host = given.slice(0, colon);
  return /[:[\]]/.test(host) ? undefined : { host, port: given.slice(colon + 1) };
}

function stripDomain(given: string): string {
  const { host, port } = splitHostPort(given) ?? { host: given, port: "" };
  if (isAddress(host)) return given;
  const first = host.split(".")[0] ?? "";
  return port === "" ? first : `${first}:${port}`;
}

function isAddress(host: string): boolean {
  const parts = host.split(".");
  if (
    parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)
  )
    return true;
  return host.includes(":") && URL.canParse(`http://[${host}]/`);
}

/** A Prometheus duration with a sign. */
function parseSigned(given: string): number {
  return given.startsWith("-") ? -parseDurationMs(given.slice(1)) : parseDurationMs(given);
}

function pathOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]*(\/[^?#]*)?/i.exec(url)?.[1] ?? "";
}
