/**
 * `triptych check` of what a program exposes (`curl …/metrics > x.prom`): whether it can be read, and the lints of
 * `promtool check metrics`. Input and result are texts; nothing is asked.
 */
import { defaultLimits, type MetricMetadata, type SampleBatch } from "@triptych/model";
import { parseExposition } from "@triptych/wire";
import type { CheckedFile, CheckVerdict } from "./check-kind.ts";

export function looksLikeExposition({ file, text }: CheckedFile): boolean {
  return file.endsWith(".prom") || /^\s*# (?:HELP|TYPE) \S/.test(text);
}

export function checkMetrics({ file, text }: CheckedFile): CheckVerdict {
  const isOpenMetrics = /^# EOF\s*$/m.test(text);
  const type = isOpenMetrics ? "application/openmetrics-text; version=1.0.0" : "text/plain";
  const bytes = new TextEncoder().encode(text);
  const steps = parseExposition(bytes, type, { limits: defaultLimits, nowMs: 0 });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  const { batch, rejected, reason } = step.value;
  const lines = linesOf(text);
  const warnings = [...lints(batch)].map(
    ([family, why]) => `${file}:${lines.get(family) ?? 1}:1: warning: ${family}: ${why}`,
  );
  const errors = rejected > 0 ? [`${file}:1:1: ${rejected} samples are refused: ${reason}`] : [];
  return { errors, warnings, summary: `${batch.metadata.length} metrics` };
}

/** The first line that speaks of a family. */
function linesOf(text: string): ReadonlyMap<string, number> {
  const out = new Map<string, number>();
  for (const [at, line] of text.split("\n").entries()) {
    const name = /^(?:# (?:HELP|TYPE) )?([^\s{#]+)/.exec(line)?.[1];
    if (name !== undefined && !out.has(name)) out.set(name, at + 1);
  }
  return out;
}

type Lint = readonly [family: string, why: string];

function* lints(batch: SampleBatch): Generator<Lint> {
  const known = new Set(batch.metadata.map(({ family }) => family));
  for (const meta of batch.metadata) for (const why of familyLints(meta)) yield [meta.family, why];
  yield* withoutHelp(batch, known);
  yield* labelLints(batch);
  yield* shownTwice(batch);
}

function* shownTwice({ samples, series }: SampleBatch): Generator<Lint> {
  const seen = new Set<string>();
  for (let row = 0; row < samples.rows; row++) {
    const labels = series.labels(samples.series[row] as number);
    const key = JSON.stringify(labels);
    if (seen.has(key))
      yield [labels.find(([name]) => name === "__name__")?.[1] ?? "", "metric not unique"];
    seen.add(key);
  }
}

function* familyLints({ family, type, help }: MetricMetadata): Generator<string> {
  if (help === "") yield "no help text";
  if (type === "counter" && !family.endsWith("_total"))
    yield 'counter metrics should have "_total" suffix';
  if (type !== "counter" && family.endsWith("_total"))
    yield 'non-counter metrics should not have "_total" suffix';
  if (type !== "histogram" && family.endsWith("_bucket"))
    yield 'non-histogram metrics should not have "_bucket" suffix';
  if (type !== "histogram" && type !== "summary")
    for (const ending of ["_count", "_sum"])
      if (family.endsWith(ending))
        yield `non-histogram and non-summary metrics should not have "${ending}" suffix`;
  if (family.includes(":")) yield "metric names should not contain ':'";
  if (isCamel(family)) yield "metric names should be written in 'snake_case' not 'camelCase'";
  const words = family.toLowerCase().split("_");
  for (const kind of ["counter", "gauge", "histogram", "summary"])
    if (type === kind && words.includes(kind))
      yield `metric name should not include type '${kind}'`;
  for (const word of words) {
    const base = baseUnits[word];
    if (base !== undefined) yield `use base unit "${base}" instead of "${word}"`;
    else if (abbreviations.has(word)) yield "metric names should not contain abbreviated units";
  }
}

const isCamel = (name: string): boolean => /[a-z][A-Z]/.test(name);

/** Samples of a family that says nothing of itself. */
function* withoutHelp({ series }: SampleBatch, known: ReadonlySet<string>): Generator<Lint> {
  const told = new Set<string>();
  for (let row = 0; row < series.rows; row++) {
    const name = series.label(row, "__name__");
    const family = name.replace(/_(?:bucket|sum|count|created|info|total)$/, "");
    if (known.has(name) || known.has(family) || told.has(name)) continue;
    told.add(name);
    yield [name, "no help text"];
  }
}

function* labelLints({ series, metadata }: SampleBatch): Generator<Lint> {
  const types = new Map(metadata.map(({ family, type }) => [family, type]));
  const told = new Set<string>();
  for (let row = 0; row < series.rows; row++) {
    const labels = series.labels(row);
    const metric = labels.find(([name]) => name === "__name__")?.[1] ?? "";
    const type = types.get(metric) ?? "unknown";
    for (const [name, owner] of [
      ["le", "histogram"],
      ["quantile", "summary"],
    ] as const) {
      const isOwn = type === owner || type === "unknown" || type === `gauge${owner}`;
      if (isOwn || told.has(`${metric} ${name}`) || !labels.some(([label]) => label === name))
        continue;
      told.add(`${metric} ${name}`);
      yield [metric, `non-${owner} metrics should not have "${name}" label`];
    }
    for (const [name] of labels) {
      if (name === "__name__" || !isCamel(name) || told.has(`${metric} ${name}`)) continue;
      told.add(`${metric} ${name}`);
      yield [metric, `label names should be written in 'snake_case' not 'camelCase': ${name}`];
    }
  }
}

/** What Prometheus' naming practices ask for: units without prefixes, in their plural. */
const scaled: readonly (readonly [base: string, units: readonly string[]])[] = [
  ["seconds", ["nanoseconds", "microseconds", "milliseconds", "minutes", "hours", "days", "weeks"]],
  ["bytes", ["kilobytes", "megabytes", "gigabytes", "terabytes", "petabytes", "bits", "kilobits"]],
  ["meters", ["centimeters", "millimeters", "kilometers"]],
  ["grams", ["milligrams", "kilograms"]],
  ["celsius", ["kelvin", "fahrenheit"]],
  ["volts", ["millivolts", "kilovolts"]],
  ["amperes", ["milliamperes"]],
  ["joules", ["kilojoules", "calories"]],
];
const baseUnits: { readonly [unit: string]: string | undefined } = Object.fromEntries(
  scaled.flatMap(([base, units]) => units.map((unit) => [unit, base])),
);
const abbreviations = new Set([
  "s",
  "ms",
  "us",
  "ns",
  "sec",
  "b",
  "kb",
  "mb",
  "gb",
  "tb",
  "m",
  "h",
]);
