/** What of a LogQL query the store can do: its selector, and the stages at its beginning that look at no parsed label. */
import type { LabelTest, LineFilter, LogqlQuery, LogqlStage, Matcher } from "@triptych/lang";
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
    const made = stageConditions(stage);
    if (made === undefined) break;
    conditions.push(...made);
    applied++;
  }
  // A line filter behind stages that leave the text alone narrows the lines too, but must run again in its place.
  for (const stage of stages.slice(applied)) {
    if (CHANGES_TEXT.has(stage.kind)) break;
    if (stage.kind === "line_filter") conditions.push(...(stageConditions(stage) ?? []));
  }
  return { conditions, applied };
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

function lineConditions({ op, operands }: LineFilter): LogCondition[] | undefined {
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
      return field === undefined ? undefined : matchCondition(field, test.matcher);
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
