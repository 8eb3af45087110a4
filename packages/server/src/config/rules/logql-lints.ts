/** What a rule over logs may be told beside errors, and the lints of a rule of either language. */
import { type LogqlExpr, type MetricExpr, printLogql } from "@triptych/lang";
import {
  type Finding,
  type Lint,
  type LintKnowledge,
  lints,
  missingRunbook,
  onExpr,
} from "./lints.ts";
import type { RuleConfig, RuleConfigIn } from "./rule-file.ts";

type LogLint = Lint<RuleConfigIn<"logql">>;

const linesInRule: LogLint = {
  name: "lines-in-rule",
  *run({ expr }) {
    if (expr.kind !== "log_query") return;
    yield onExpr(
      `${printLogql(expr)} gives lines`,
      "a rule needs numbers, so every evaluation of this one fails",
      `count the lines: count_over_time(${printLogql(expr)}[5m])`,
    );
  },
};

const neverFires: LogLint = {
  name: "never-fires",
  *run({ expr }) {
    for (const node of nodes(expr)) {
      if (node.kind !== "binary" || node.bool || node.right.kind !== "number") continue;
      const least = leastOf(node.left);
      if (least === undefined || canBe(least, node.op, node.right.value)) continue;
      yield onExpr(
        `${printLogql(node)} is never true: without lines there is no result, and with some it is ${least.open ? "more than" : "at least"} ${least.value}`,
        "the alert never fires, and nobody notices",
        "use absent_over_time(…) for lines that are missing, or … or vector(0) for a number where there are none",
      );
    }
  },
};

export const logqlLints: readonly LogLint[] = [linesInRule, neverFires, missingRunbook];

/** Names of lints with what each has to say. */
export function* lintRule(
  rule: RuleConfig,
  known: LintKnowledge,
): Generator<Finding & { readonly name: string }> {
  if (rule.language === "promql")
    for (const lint of lints)
      for (const finding of lint.run(rule, known)) yield { ...finding, name: lint.name };
  else
    for (const lint of logqlLints)
      for (const finding of lint.run(rule, known)) yield { ...finding, name: lint.name };
}

function* nodes(expr: LogqlExpr): Generator<MetricExpr> {
  if (expr.kind === "log_query") return;
  yield expr;
  if (expr.kind === "binary") {
    yield* nodes(expr.left);
    yield* nodes(expr.right);
  }
  if (expr.kind === "vector_aggregation" || expr.kind === "label_replace") yield* nodes(expr.expr);
}

interface Least {
  readonly value: number;
  /** The value itself is not reached. */
  readonly open: boolean;
}

/** Below which a result never is, where there is one; nothing is said of most expressions. */
function leastOf(expr: MetricExpr): Least | undefined {
  switch (expr.kind) {
    case "range_aggregation":
      if (expr.op === "count_over_time" || expr.op === "absent_over_time")
        return { value: 1, open: false };
      return expr.op === "rate" && expr.unwrap === undefined ? { value: 0, open: true } : undefined;
    case "vector_aggregation":
      if (expr.op === "count") return { value: 1, open: false };
      return expr.op === "stddev" || expr.op === "stdvar" ? undefined : leastOf(expr.expr);
    case "label_replace":
      return leastOf(expr.expr);
    default:
      return undefined;
  }
}

function canBe({ value, open }: Least, op: string, by: number): boolean {
  switch (op) {
    case "==":
    case "<=":
      return open ? by > value : by >= value;
    case "<":
      return by > value;
    default:
      return true;
  }
}
