/** LogQL trees as text that parses to the same tree: on one line, or laid out over several as Loki does. */
import { goQuote } from "../promql/go-format.ts";
import { formatDuration } from "../promql/go-format.ts";
import { formatFloat } from "../promql/format-float.ts";
import type { Matcher } from "../matcher.ts";
import type {
  Extraction,
  Grouping,
  LabelTest,
  LineFilter,
  LogqlBinary,
  LogqlExpr,
  LogqlQuery,
  LogqlStage,
  MetricExpr,
  NamedLabel,
  RangeAggregation,
  Unwrap,
} from "./ast.ts";
import { goDurationText } from "./units.ts";

const printMatch = (matcher: Matcher): string =>
  `${matcher.name}${matcher.op}${goQuote(matcher.value)}`;
const printSelector = (matchers: readonly Matcher[]): string =>
  `{${matchers.map(printMatch).join(", ")}}`;

export function printLogql(expr: LogqlExpr): string {
  switch (expr.kind) {
    case "log_query":
      return [printSelector(expr.matchers), ...expr.stages.map(printStage)].join(" ");
    case "range_aggregation":
      return `${expr.op}(${paramText(expr.param)}${printRange(expr)})${groupingText(expr.grouping)}`;
    case "vector_aggregation":
      return `${expr.op}${groupingText(expr.grouping)}(${paramText(expr.param)}${printLogql(expr.expr)})`;
    case "binary":
      return `(${printLogql(expr.left)} ${operatorText(expr)} ${printLogql(expr.right)})`;
    case "label_replace":
      return `label_replace(${[printLogql(expr.expr), ...replaceTexts(expr)].join(",")})`;
    case "number":
      return formatFloat(expr.value);
    case "vector":
      return `vector(${vectorText(expr.value)})`;
  }
}

/** With six digits as Loki prints it, where these say the same. */
function vectorText(value: number): string {
  const text = value.toFixed(6);
  return Number(text) === value && !text.includes("e") ? text : formatFloat(value);
}

const paramText = (param: number | undefined): string =>
  param === undefined ? "" : `${formatFloat(param)},`;

const replaceTexts = (expr: Extract<MetricExpr, { kind: "label_replace" }>): string[] =>
  [expr.target, expr.replacement, expr.source, expr.pattern].map(goQuote);

function groupingText(grouping: Grouping | undefined): string {
  if (grouping === undefined) return "";
  return ` ${grouping.without ? "without" : "by"} (${grouping.labels.join(", ")})`;
}

function operatorText({ op, bool, matching }: LogqlBinary): string {
  const { card, on, labels, include } = matching;
  let text: string = bool ? `${op} bool` : op;
  const isGrouped = card !== "one-to-one";
  if (on || labels.length > 0 || isGrouped)
    text += ` ${on ? "on" : "ignoring"} (${labels.join(", ")})`;
  if (isGrouped)
    text += ` ${card === "many-to-one" ? "group_left" : "group_right"} (${include.join(", ")})`;
  return text;
}

function printRange({ query, unwrap, rangeMs, offsetMs }: RangeAggregation): string {
  const parts = [printLogql(query), ...(unwrap === undefined ? [] : [printUnwrap(unwrap)])];
  return `${parts.join(" ")}[${formatDuration(rangeMs)}]${offsetText(offsetMs)}`;
}

const offsetText = (offsetMs: number): string =>
  offsetMs === 0 ? "" : ` offset ${goDurationText(offsetMs * 1e6)}`;

function printUnwrap({ label, conversion, filters }: Unwrap): string {
  const what = conversion === undefined ? label : `${conversion}(${label})`;
  return [`| unwrap ${what}`, ...filters.map((test) => `| ${printTest(test)}`)].join(" ");
}

export function printStage(stage: LogqlStage): string {
  switch (stage.kind) {
    case "line_filter":
      return printLineFilter(stage);
    case "label_filter":
      return `| ${printTest(stage.test)}`;
    case "json":
      return `| json${extractionsText(stage.extractions)}`;
    case "logfmt": {
      const flags = `${stage.strict ? " --strict" : ""}${stage.keepEmpty ? " --keep-empty" : ""}`;
      return `| logfmt${flags}${extractionsText(stage.extractions)}`;
    }
    case "regexp":
    case "pattern":
      return `| ${stage.kind} ${goQuote(stage.pattern)}`;
    case "unpack":
    case "decolorize":
      return `| ${stage.kind}`;
    case "line_format":
      return `| line_format ${goQuote(stage.template)}`;
    case "label_format": {
      const texts = stage.formats.map(
        ({ label, kind, value }) => `${label}=${kind === "rename" ? value : goQuote(value)}`,
      );
      return `| label_format ${texts.join(",")}`;
    }
    case "drop":
    case "keep":
      return `| ${stage.kind} ${stage.labels.map(namedText).join(",")}`;
  }
}

/** None of several is each of them not. */
function printLineFilter({ op, operands }: LineFilter): string {
  const texts = operands.map(({ kind, value }) =>
    kind === "ip" ? `ip(${goQuote(value)})` : goQuote(value),
  );
  const isNegative = op.startsWith("!");
  return isNegative
    ? texts.map((text) => `${op} ${text}`).join(" ")
    : `${op} ${texts.join(" or ")}`;
}

function extractionsText(extractions: readonly Extraction[]): string {
  if (extractions.length === 0) return "";
  return ` ${extractions.map(({ label, expression }) => `${label}=${goQuote(expression)}`).join(",")}`;
}

const namedText = (label: NamedLabel): string =>
  label.kind === "name" ? label.name : printMatch(label.matcher);

function printTest(test: LabelTest): string {
  switch (test.kind) {
    case "match":
      return printMatch(test.matcher);
    case "ip":
      return `${test.name}${test.op}ip(${goQuote(test.pattern)})`;
    case "and":
      return `( ${printTest(test.left)} , ${printTest(test.right)} )`;
    case "or":
      return `( ${printTest(test.left)} or ${printTest(test.right)} )`;
    case "compare":
      return `${test.name}${test.op}${valueText(test)}`;
  }
}

function valueText({ unit, value }: Extract<LabelTest, { kind: "compare" }>): string {
  if (unit === "number") return formatFloat(value);
  return unit === "duration" ? goDurationText(value) : bytesText(value);
}

/** In the unit that Loki prints, where its two digits say the same. */
function bytesText(value: number): string {
  const power = value < 10 ? 0 : Math.min(6, Math.floor(Math.log10(value) / 3 + 1e-9));
  const unit = ["", "k", "M", "G", "T", "P", "E"][power] ?? "";
  const count = Math.floor((value / 1000 ** power) * 10 + 0.5) / 10;
  if (power === 0 || count * 1000 ** power !== value) return `${value}B`;
  return count < 10
    ? `${count.toFixed(1)}${unit}B`
    : Number.isInteger(count)
      ? `${count}${unit}B`
      : `${value}B`;
}

/** What is longer than this on one line is broken into several. */
const LINE_CHARS_MAX = 100;
const indent = (level: number): string => "  ".repeat(level);

/** Laid out over several lines where one would be too long. */
export function formatLogql(expr: LogqlExpr, level = 0): string {
  const flat = printLogql(expr);
  if (flat.length <= LINE_CHARS_MAX) return indent(level) + flat;
  const open = indent(level);
  switch (expr.kind) {
    case "log_query":
      return formatQuery(expr, level);
    case "range_aggregation": {
      const param =
        expr.param === undefined ? [] : [`${indent(level + 1)}${formatFloat(expr.param)},`];
      const lines = [`${open}${expr.op}(`, ...param, formatRange(expr, level + 1), `${open})`];
      return lines.join("\n") + groupingText(expr.grouping);
    }
    case "vector_aggregation": {
      const param =
        expr.param === undefined ? [] : [`${indent(level + 1)}${formatFloat(expr.param)},`];
      const head = `${open}${expr.op}${groupingText(expr.grouping)}(`;
      return [head, ...param, formatLogql(expr.expr, level + 1), `${open})`].join("\n");
    }
    case "binary": {
      const sides = [expr.left, expr.right].map((side) => formatSide(side, level + 1));
      return `${sides[0]}\n${open}${operatorText(expr)}\n${sides[1]}`;
    }
    case "label_replace": {
      const texts = replaceTexts(expr).map((text) => indent(level + 1) + text);
      const args = [formatLogql(expr.expr, level + 1), ...texts].join(",\n");
      return `${open}label_replace(\n${args}\n${open})`;
    }
    default:
      return open + flat;
  }
}

/** A long operand that is an operation itself keeps its parentheses. */
function formatSide(expr: MetricExpr, level: number): string {
  const text = formatLogql(expr, level);
  const isBroken = expr.kind === "binary" && printLogql(expr).length > LINE_CHARS_MAX;
  return isBroken ? `${indent(level)}(\n${text}\n${indent(level)})` : text;
}

function formatQuery(query: LogqlQuery, level: number): string {
  const lines = query.stages.map((stage) => indent(level + 1) + printStage(stage));
  return [indent(level) + printSelector(query.matchers), ...lines].join("\n");
}

function formatRange(expr: RangeAggregation, level: number): string {
  const { query, unwrap, rangeMs, offsetMs } = expr;
  const flat = printLogql(query);
  const body = flat.length > LINE_CHARS_MAX ? formatQuery(query, level) : indent(level) + flat;
  const more = unwrap === undefined ? "" : `\n${indent(level + 1)}${printUnwrap(unwrap)}`;
  return `${body}${more} [${formatDuration(rangeMs)}]${offsetText(offsetMs)}`;
}
