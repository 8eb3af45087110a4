/** What of a LogQL query the store can do: its selector, and the stages at its beginning that look at no parsed label. */
import type { LabelTest, LineFilter, LogqlQuery, LogqlStage, Matcher } from "@triptych/lang";
import { lookedFor, testMatcher } from "@triptych/lang";
import { partPattern, wholePattern } from "../../regex/regex.ts";
import type { LogCondition, LogField } from "../../store/clickhouse/select/logs-filter.ts";
import { lineField, streamField } from "../logs/loki-labels.ts";

export interface LogPlan {
  readonly conditions: readonly LogCondition[];
  /** How many stages the conditions stand for; those behind them run here. */
  readonly applied: number;
}

/** The query has been checked. */
export function planQuery({ matchers, stages }: LogqlQuery): LogPlan {
  const conditions = planSelector(matchers);
  let applied = 0;
  for (const stage of stages) {
    const made = conditions.length < CONDITIONS_MAX ? stageConditions(stage) : undefined;
    if (made === undefined) break;
    conditions.push(...made);
    applied++;
  }
  const narrow = narrowing(stages.slice(applied)).slice(0, NARROWING_MAX);
  return { conditions: [...conditions, ...narrow], applied };
}

/** Planning hundreds of conditions takes the engine longer than reading the lines that they would save. */
const NARROWING_MAX = 50;
const CONDITIONS_MAX = 100;

/**
 * Stages that must run in their place, but narrow the lines before: line filters behind stages that leave the text
 * alone, and label filters behind stages that leave the labels alone.
 */
function narrowing(stages: readonly LogqlStage[]): LogCondition[] {
  const conditions: LogCondition[] = [];
  let isText = true;
  let isLabels = true;
  for (const stage of stages) {
    if (stage.kind === "line_filter" && isText) conditions.push(...(stageConditions(stage) ?? []));
    if (stage.kind === "label_filter" && isLabels) {
      const made = wideCondition(stage.test);
      if (made !== undefined) conditions.push(made);
    }
    if (CHANGES_TEXT.has(stage.kind)) isText = false;
    if (!KEEPS_LABELS.has(stage.kind)) isLabels = false;
  }
  return conditions;
}

const KEEPS_LABELS = new Set<LogqlStage["kind"]>([
  ...(["line_filter", "label_filter", "line_format", "decolorize"] as const),
]);

/**
 * A condition that no line fails that passes the test. Comparisons keep lines whose value cannot be read, with an error
 * as a label: that only running them gives.
 */
function wideCondition(test: LabelTest): LogCondition | undefined {
  switch (test.kind) {
    case "match":
      return testCondition(test);
    case "compare": {
      const field = lineField(test.name);
      const { op, unit, value } = test;
      return field === undefined ? undefined : { kind: "may_compare", field, op, unit, value };
    }
    case "and": {
      const both = [wideCondition(test.left), wideCondition(test.right)];
      const conditions = both.flatMap((one) => one ?? []);
      return conditions.length === 0 ? undefined : { kind: "each", conditions };
    }
    case "or": {
      const left = wideCondition(test.left);
      const right = wideCondition(test.right);
      if (left === undefined || right === undefined) return undefined;
      return { kind: "either", conditions: [left, right] };
    }
    default:
      return undefined;
  }
}

const CHANGES_TEXT = new Set<LogqlStage["kind"]>(["line_format", "decolorize", "unpack"]);

export function planSelector(matchers: readonly Matcher[]): LogCondition[] {
  return matchers.map((matcher) => matchCondition(streamField(matcher.name), matcher));
}

function matchCondition(field: LogField, { op, value }: Matcher): LogCondition {
  const isText = op === "=" || op === "!=";
  return { kind: "match", field, op, value: isText ? value : wholePattern(value) };
}

function stageConditions(stage: LogqlStage): LogCondition[] | undefined {
  if (stage.kind === "line_filter") return lineConditions(stage);
  if (stage.kind !== "label_filter") return undefined;
  const made = testCondition(stage.test);
  return made === undefined ? undefined : [made];
}

function lineConditions(filter: LineFilter): LogCondition[] | undefined {
  const { op } = filter;
  const operands = lookedFor(filter);
  if (op === "|>" || op === "!>" || operands.some(({ kind }) => kind === "ip")) return undefined;
  const conditions: LogCondition[] = operands.map(({ value }) => ({
    kind: "line",
    op,
    value: op === "|=" || op === "!=" ? value : partPattern(value),
  }));
  if (op === "!=" || op === "!~") return conditions;
  const [only] = operands;
  if (operands.length !== 1 || only === undefined) return [{ kind: "either", conditions }];
  return op === "|=" ? [{ kind: "letters", text: only.value }, ...conditions] : conditions;
}

function testCondition(test: LabelTest): LogCondition | undefined {
  switch (test.kind) {
    case "match": {
      const field = lineField(test.matcher.name);
      return field === undefined ? undefined : matchCondition(field, testMatcher(test.matcher));
    }
    case "and":
    case "or": {
      const left = testCondition(test.left);
      const right = testCondition(test.right);
      if (left === undefined || right === undefined) return undefined;
      return { kind: test.kind === "and" ? "each" : "either", conditions: [left, right] };
    }
    default:
      return undefined;
  }
}
