/** What a rule may be told beside errors: each lint says what is wrong, why it matters and what to do. */
import {
  type Matcher,
  type PromqlCall,
  type PromqlExpr,
  printPromql,
  promqlChildren,
  selectorMatchers,
  type VectorSelector,
} from "@triptych/lang";
import type { RuleConfig, RuleConfigIn } from "./rule-file.ts";
import { isEmptyRange, narrowed, rangeOf, type ValueRange } from "./value-range.ts";

export interface LintKnowledge {
  /** Names of metrics that exist; absent when nobody said. */
  readonly metrics?: ReadonlySet<string> | undefined;
  /** Types by family, as far as they are known. */
  readonly types: ReadonlyMap<string, string>;
  /** What the checked files record. */
  readonly recorded: ReadonlySet<string>;
}

export interface Finding {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** The rule's key it is about. */
  readonly at: "rule" | "expr";
}

export interface Lint<R extends RuleConfig = RuleConfigIn<"promql">> {
  readonly name: string;
  run(rule: R, known: LintKnowledge): Iterable<Finding>;
}

export const onExpr = (what: string, why: string, fix: string): Finding => ({
  what,
  why,
  fix,
  at: "expr",
});

function* walk(expr: PromqlExpr): Generator<PromqlExpr> {
  yield expr;
  for (const child of promqlChildren(expr)) yield* walk(child);
}

function* selectors(expr: PromqlExpr): Generator<VectorSelector> {
  for (const node of walk(expr)) if (node.kind === "vector_selector") yield node;
}

/** The metric's name where it is written out. */
function nameOf(selector: VectorSelector): string | undefined {
  const found = selectorMatchers(selector).find(
    ({ name, op }) => name === "__name__" && op === "=",
  );
  return found?.value;
}

const unknownMetric: Lint = {
  name: "unknown-metric",
  *run({ expr }, { metrics, recorded }) {
    if (metrics === undefined) return;
    const told = new Set<string>();
    for (const selector of selectors(expr)) {
      const name = nameOf(selector);
      if (name === undefined || told.has(name) || metrics.has(name) || recorded.has(name)) continue;
      if (name === "ALERTS" || name === "ALERTS_FOR_STATE") continue;
      told.add(name);
      yield onExpr(
        `no metric is named ${name}`,
        "the expression has no result, so the rule never does anything and nobody notices",
        "correct the name, or remove the rule when the metric is gone for good",
      );
    }
  },
};

const COUNTER_NAME = /_(?:total|sum|count|bucket|created)$/;
/** What ends like this goes up and down. */
const GAUGE_NAME =
  /_(?:bytes|ratio|celsius|percent|percentage|info|current|usage|utilization|free|available|used|limit|threads|connections|goroutines|temperature|load1|load5|load15)$/;
const RATES = new Set(["rate", "irate", "increase"]);

function typeOfMetric(name: string, { types }: LintKnowledge): string | undefined {
  return types.get(name) ?? types.get(name.replace(/_(?:total|sum|count|bucket)$/, ""));
}

const rateOfGauge: Lint = {
  name: "rate-of-gauge",
  *run({ expr }, known) {
    for (const node of walk(expr)) {
      if (node.kind !== "call" || !RATES.has(node.func.name)) continue;
      const [range] = node.args;
      const name = range?.kind === "matrix_selector" ? nameOf(range.selector) : undefined;
      // What a rule records has the name that its author liked.
      if (name === undefined || name.includes(":")) continue;
      const type = typeOfMetric(name, known);
      const isGauge =
        type === undefined ? !COUNTER_NAME.test(name) && GAUGE_NAME.test(name) : type === "gauge";
      if (!isGauge) continue;
      yield onExpr(
        `${node.func.name}() of ${name}, which is a gauge${type === undefined ? " by its name" : ""}`,
        "every fall of a gauge is taken for a counter that was reset, so the result is far too large",
        `use deriv() or delta(), or compare ${name} itself`,
      );
    }
  },
};

function quantileArgument(call: PromqlCall): PromqlExpr | undefined {
  return call.func.name === "histogram_quantile" ? call.args[1] : undefined;
}

/** Native histograms need no `le`; classic ones are told by the name of their buckets. */
function bucketName(expr: PromqlExpr): string | undefined {
  for (const selector of selectors(expr)) {
    const name = nameOf(selector);
    if (name?.endsWith("_bucket") === true) return name;
  }
  return undefined;
}

const quantileWithoutLe: Lint = {
  name: "quantile-without-le",
  *run({ expr }) {
    for (const node of walk(expr)) {
      const arg = node.kind === "call" ? quantileArgument(node) : undefined;
      if (arg === undefined || bucketName(arg) === undefined) continue;
      const lost = [...walk(arg)].some(
        (one) => one.kind === "aggregate" && one.grouping.includes("le") === one.without,
      );
      if (!lost) continue;
      yield onExpr(
        "histogram_quantile() over an aggregation that drops the label le",
        "without le the buckets cannot be told apart, so there is never a result",
        "keep it: sum by (le, …) (rate(…_bucket[5m]))",
      );
    }
  },
};

const quantileWithoutRate: Lint = {
  name: "quantile-without-rate",
  *run({ expr }) {
    for (const node of walk(expr)) {
      const arg = node.kind === "call" ? quantileArgument(node) : undefined;
      if (arg === undefined) continue;
      const name = bucketName(arg);
      if (
        name === undefined ||
        [...walk(arg)].some((one) => one.kind === "matrix_selector" || one.kind === "subquery")
      )
        continue;
      yield onExpr(
        `histogram_quantile() of ${name} without rate()`,
        "the buckets count since the process started, so the quantile is one of all that time and hardly moves",
        `use rate(${name}[5m])`,
      );
    }
  },
};

const alertWithoutFor: Lint = {
  name: "alert-without-for",
  *run(rule) {
    if (rule.kind !== "alert" || rule.forMs > 0) return;
    yield {
      what: "fires at the first bad evaluation",
      why: "one missed scrape or one short peak is enough to wake somebody",
      fix: "add for: 5m, or for: 0s with a range in the expression that already smooths",
      at: "rule",
    };
  },
};

export const missingRunbook: Lint<RuleConfig> = {
  name: "missing-runbook",
  *run(rule) {
    if (rule.kind !== "alert") return;
    if (rule.annotations.some(([name, value]) => /^runbook(?:_url)?$/.test(name) && value !== ""))
      return;
    yield {
      what: "has no annotation runbook_url",
      why: "who is woken by it does not know what to do first",
      fix: "add annotations: {runbook_url: https://…} with the steps",
      at: "rule",
    };
  },
};

const neverFires: Lint = {
  name: "never-fires",
  *run({ expr }) {
    for (const node of walk(expr)) {
      if (node.kind === "vector_selector") yield* impossibleMatchers(node);
      if (node.kind !== "binary" || node.bool) continue;
      yield* impossibleComparison(node);
      yield* impossibleSet(node);
    }
  },
};

const NEVER = "the rule can never fire, however bad things are";

function* impossibleMatchers(selector: VectorSelector): Generator<Finding> {
  const equal = new Map<string, Matcher>();
  for (const matcher of selectorMatchers(selector)) {
    const known = equal.get(matcher.name);
    if (matcher.op === "=" && known !== undefined && known.value !== matcher.value)
      yield onExpr(
        `${printPromql(selector)} asks for two values of ${matcher.name} at once`,
        "no series has both, so there is never a result",
        `use one of them, or ${matcher.name}=~"${known.value}|${matcher.value}"`,
      );
    if (matcher.op === "=") equal.set(matcher.name, matcher);
  }
}

type Comparison = "==" | ">" | ">=" | "<" | "<=";
const isComparison = (op: string): op is Comparison => ["==", ">", ">=", "<", "<="].includes(op);

function* impossibleComparison(node: Extract<PromqlExpr, { kind: "binary" }>): Generator<Finding> {
  if (!isComparison(node.op)) return;
  const [left, right] = [rangeOf(node.left), rangeOf(node.right)];
  if (isEmptyRange(left) || isEmptyRange(right) || !isEmptyRange(narrowed(left, node.op, right)))
    return;
  yield onExpr(
    `${printPromql(node)} is never true: the left side is ${printRange(left)}, the right side ${printRange(right)}`,
    NEVER,
    "correct the threshold (a share is between 0 and 1, not 0 and 100), or the comparison",
  );
}

/** `x > 5 and x < 3`, `x unless x`. */
function* impossibleSet(node: Extract<PromqlExpr, { kind: "binary" }>): Generator<Finding> {
  if (
    node.op === "unless" &&
    node.matching?.on !== true &&
    printPromql(node.left) === printPromql(node.right)
  )
    yield onExpr(
      `${printPromql(node)} takes everything away again`,
      NEVER,
      "correct the right side of unless",
    );
  if (node.op !== "and") return;
  const [a, b] = [filterOf(node.left), filterOf(node.right)];
  if (a === undefined || b === undefined || a.of !== b.of) return;
  if (!isEmptyRange(narrowed(narrowed(a.range, a.op, a.by), b.op, b.by))) return;
  yield onExpr(
    `${printPromql(node)} is never true: no value passes both comparisons`,
    NEVER,
    "use or when either is meant, or correct one of the thresholds",
  );
}

function filterOf(
  expr: PromqlExpr,
): { of: string; range: ValueRange; op: Comparison; by: ValueRange } | undefined {
  if (expr.kind === "paren") return filterOf(expr.expr);
  if (expr.kind !== "binary" || expr.bool || !isComparison(expr.op) || expr.right.kind !== "number")
    return undefined;
  return {
    of: printPromql(expr.left),
    range: rangeOf(expr.left),
    op: expr.op,
    by: rangeOf(expr.right),
  };
}

function printRange({ low, high }: ValueRange): string {
  if (low === high) return String(low);
  if (low === Number.NEGATIVE_INFINITY) return `at most ${high}`;
  return high === Number.POSITIVE_INFINITY ? `at least ${low}` : `between ${low} and ${high}`;
}

export const lints: readonly Lint[] = [
  unknownMetric,
  rateOfGauge,
  quantileWithoutLe,
  quantileWithoutRate,
  alertWithoutFor,
  missingRunbook,
  neverFires,
];
