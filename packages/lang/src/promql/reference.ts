/** The reference page of PromQL, made from the lists that parser and evaluator read, with its examples evaluated. */
import { evaluatePromql, type PromqlValue } from "./evaluate.ts";
import { formatFloat } from "./format-float.ts";
import { functions } from "./functions/registry.ts";
import { type FunctionSpec, signatureOf } from "./functions/spec.ts";
import { goQuote } from "./go-format.ts";
import { type Histogram, printHistogram } from "./histogram.ts";
import { type Labels, METRIC_NAME, metricName } from "./labels.ts";
import { parsePromql } from "./parser.ts";
import { parseSeriesLine } from "./promqltest-series.ts";
import { type LoadedSample, TestStore } from "./promqltest-store.ts";
import type { CompileRegex } from "./regex.ts";
import { HISTOGRAM } from "./rows.ts";
import {
  aggregations,
  binaryOperators,
  durationCalls,
  durationUnits,
  modifiers,
  type Word,
} from "./words.ts";

const STEP_MS = 60_000;
const AT_MS = 3_600_000;
/** When counters of the samples began. */
const START_MS = 30_000;
const ROWS_MAX = 3;

/** A sample a minute, from time 0 to an hour later. */
const samples = [
  'up{job="shop", instance="a:80"} 1x60',
  'up{job="shop", instance="b:80"} 1x29 0x30',
  'up{job="db", instance="c:90"} 1x60',
  'load1{instance="a:80"} 0.25x60',
  'load1{instance="c:90"} 0.75x60',
  'temperature_celsius{room="hall"} 18+0.1x60',
  'temperature_celsius{room="kitchen"} 22-0.05x60',
  'http_requests_total{job="shop", instance="a:80"} _ 30+30x59',
  'http_requests_total{job="shop", instance="b:80"} _ 60+60x29 0+60x29',
  'disk_free_bytes{instance="c:90"} 1048576-8192x60',
  "wind_direction_degrees{} 30x60",
  'process_start_time_seconds{job="shop", instance="a:80"} 1709210096x60',
  'target_info{job="shop", instance="a:80", version="2.1", k8s_cluster_name="north"} 1x60',
  'request_seconds_bucket{le="0.5"} 0+6x60',
  'request_seconds_bucket{le="1"} 0+9x60',
  'request_seconds_bucket{le="+Inf"} 0+10x60',
  "request_seconds{} {{schema:0 sum:0 count:0 buckets:[0 0 0]}}+{{schema:0 sum:6 count:10 offset:-1 buckets:[6 3 1]}}x60",
];

function load(compileRegex: CompileRegex): TestStore {
  const store = new TestStore(compileRegex);
  for (const line of samples) {
    const { labels, values } = parseSeriesLine(line);
    const startMs = metricName(labels).endsWith("_total") ? START_MS : 0;
    const loaded = values.flatMap((value, i): LoadedSample[] =>
      value === undefined ? [] : [{ timeMs: i * STEP_MS, startMs, value: value.value }],
    );
    store.add(labels, loaded);
  }
  return store;
}

/** What follows from a query over the samples, one line for each series. Empty when nothing does. */
export type RunExample = (query: string) => Promise<readonly string[]>;

export function createExamples(compileRegex: CompileRegex): RunExample {
  const store = load(compileRegex);
  return async (query) => {
    const expr = parsePromql(query, { compileRegex });
    const options = { startMs: AT_MS, endMs: AT_MS, compileRegex };
    const { value } = await evaluatePromql(expr, options, store);
    return linesOf(value);
  };
}

function linesOf(value: PromqlValue): string[] {
  switch (value.kind) {
    case "scalar":
      return [printed(value.value)];
    case "string":
      return [value.value];
    case "vector":
      return value.rows.map((row) => {
        const histogram = row.kind[0] === HISTOGRAM ? row.histograms?.[0] : undefined;
        return `${seriesText(row.labels)} ${printed(histogram ?? (row.value[0] as number))}`;
      });
    default:
      return [];
  }
}

/** The last digits of what the machine computes need not be the same everywhere. */
function printed(value: number | Histogram): string {
  if (typeof value !== "number") return printHistogram(value);
  return formatFloat(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
}

function seriesText(labels: Labels): string {
  const rest = labels.pairs.filter(([name]) => name !== METRIC_NAME);
  return `${metricName(labels)}{${rest.map(([name, text]) => `${name}=${goQuote(text)}`).join(", ")}}`;
}

/** All examples of the page. */
export const promqlExamples: readonly string[] = [
  ...functions,
  ...aggregations,
  ...binaryOperators,
  ...modifiers,
  ...durationCalls,
].map(({ example }) => example);

/** `docs/reference/promql.md`. */
export async function promqlPage(run: RunExample): Promise<string> {
  const sections: string[] = [];
  for (const spec of functions) sections.push(...functionSection(spec, await run(spec.example)));
  return [...head, ...sections, ...tables()].join("\n");
}

const head: readonly string[] = [
  "# PromQL",
  "",
  "All of Prometheus 3's language, with its experimental parts. This page is made from the lists that the parser, the",
  "evaluator and the editor's suggestions read, and its examples are evaluated when it is made.",
  "",
  "What is in brackets in a signature may be left out. An `instant-vector` is one value for each series at a time, a",
  "`range-vector` all samples of each series in a range, such as `up[5m]`. What is computed has no metric name, unless a",
  "function says that it stays. Results of examples are those at the last minute of these samples, one a minute for an",
  "hour from time 0 on, written as in test scripts of Prometheus; what is no whole number is rounded to six digits.",
  "",
  "```text",
  ...samples,
  "```",
  "",
  "## Functions",
  "",
];

function functionSection(spec: FunctionSpec, lines: readonly string[]): string[] {
  const more = lines.length - ROWS_MAX;
  return [
    `### \`${spec.name}\``,
    "",
    `\`${signatureOf(spec)}\`${spec.experimental ? " (experimental)" : ""}`,
    "",
    spec.doc.join(" "),
    "",
    "```promql",
    spec.example,
    "```",
    "",
    "```text",
    ...(lines.length === 0 ? ["(nothing)"] : lines.slice(0, ROWS_MAX)),
    ...(more > 0 ? [`… and ${more} more`] : []),
    "```",
    "",
  ];
}

function tables(): string[] {
  return [
    ...["## Aggregations", ""],
    "`name by (labels) (vector)`, `name without (labels) (vector)`, or without labels for one group of all. What some take",
    ...["before the vector stands in brackets.", ""],
    ...table(
      aggregations.map((word) => ({
        ...word,
        shown: "param" in word ? `${word.name}(${word.param.join(" ")}, …)` : word.name,
      })),
    ),
    ...["## Binary operators", ""],
    "Those that bind closest come first. Between vectors they work on pairs of series with the same labels; the metric's",
    ...["name does not count.", ""],
    ...table(binaryOperators),
    ...["## Modifiers", ""],
    ...table(modifiers),
    ...["## Durations", ""],
    `Units, in the order in which \`1h30m\` has them: ${durationUnits.map(({ name, doc }) => `\`${name}\` (${doc})`).join(", ")}. A plain`,
    "number is seconds. Durations may be computed with `+ - * / % ^`, parentheses and these functions:",
    "",
    ...table(durationCalls.map((word) => ({ ...word, shown: `${word.name}()` }))),
  ];
}

function table(words: readonly (Word & { readonly shown?: string })[]): string[] {
  const rows = words.map(
    ({ name, shown = name, doc, example, experimental }) =>
      `| \`${shown}\` | ${doc}${experimental ? " (experimental)" : ""} | \`${example}\` |`,
  );
  return ["| | | for example |", "|---|---|---|", ...rows, ""];
}
