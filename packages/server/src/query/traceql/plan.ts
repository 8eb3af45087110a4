/**
 * How a spanset pipeline is answered: which spans make a trace a candidate, which spans of a candidate are read, and
 * whether the whole trace is needed. The evaluator decides in the end, so a plan may let through too much, never too
 * little.
 */
import {
  attributeKey,
  eachAttribute,
  pipelineAttributes,
  type Static,
  type Traceql,
} from "@triptych/lang";
import {
  anyDoubt,
  broad,
  type Condition,
  conditionOf,
  longSpans,
  manySpans,
  needsTrace,
} from "../../store/clickhouse/select/traceql-condition.ts";
import { anyOf } from "../../store/clickhouse/select/traceql-search.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { all, join, type Sql, sql } from "../../store/clickhouse/sql.ts";

export interface SpansetPlan {
  /** A candidate has a span that fits the first one; those of the second are looked for when that was not enough. */
  readonly candidates: readonly (Sql | undefined)[];
  /** A candidate also has spans that fit these. */
  readonly others: readonly Sql[];
  /** Spans of a candidate that are read; absent when all are. */
  readonly read?: Sql | undefined;
  readonly attributes: ReadonlyMap<string, Traceql.Attribute>;
}

export function planSpansets(pipeline: Traceql.Pipeline, range: NsRange): SpansetPlan {
  const demand = demandOf(pipeline, range);
  const attributes = new Map<string, Traceql.Attribute>();
  let whole = demand.whole;
  pipelineAttributes(pipeline, (attribute) => {
    const own = attribute.parent ? { ...attribute, parent: false } : attribute;
    attributes.set(attributeKey(own), own);
    if (needsTrace(attribute)) whole = true;
  });
  const { own } = demand;
  const candidates: (Sql | undefined)[] = [own.sql];
  if (own.sql !== undefined && own.doubtful.length > 0) candidates.push(anyDoubt(own.doubtful));
  const reads = demand.leaves.map(broad);
  const readable = !whole && reads.every((one) => one !== undefined);
  return {
    candidates,
    others: demand.others,
    read: readable ? anyOf(reads.filter((one) => one !== undefined)) : undefined,
    attributes,
  };
}

interface Demand {
  /** A span that fits must be there. */
  readonly own: Condition;
  readonly others: readonly Sql[];
  /** Every span that the pipeline looks at fits one of these. */
  readonly leaves: readonly Condition[];
  /** Whether the tree is looked at. */
  readonly whole: boolean;
}

const ANYTHING: Condition = { exact: false, doubtful: [] };
const everything: Demand = { own: ANYTHING, others: [], leaves: [ANYTHING], whole: false };

function demandOf(stage: Traceql.Spansets | Traceql.Stage, range: NsRange): Demand {
  switch (stage.kind) {
    case "filter": {
      const own = conditionOf(stage.expr, range);
      return { own, others: [], leaves: [own], whole: !own.exact && asksForTree(stage.expr) };
    }
    case "pipeline": {
      const [first, ...later] = stage.stages;
      if (first === undefined) return everything;
      const demand = counted(demandOf(first, range), stage, range);
      return { ...demand, whole: demand.whole || later.some((one) => laterNeedsTree(one, range)) };
    }
    case "operation":
      return operationDemand(stage, range);
    case "select":
    case "group":
    case "scalar_filter":
    case "coalesce":
      return { ...everything, whole: laterNeedsTree(stage, range) };
    default:
      return everything;
  }
}

/**
 * `{ … } | count() > n`, and how long spans are together, on average or at most, is asked of the store: otherwise every
 * trace would be looked at.
 */
function counted(demand: Demand, { stages }: Traceql.Pipeline, range: NsRange): Demand {
  const [first, second] = stages;
  if (first?.kind !== "filter" || second?.kind !== "scalar_filter") return demand;
  const { op, left, right } = second;
  const { own } = demand;
  if (left.kind !== "aggregate" || right.kind !== "literal") return demand;
  if (op === ">" || op === ">=") {
    const long = longSide(left, right.value);
    // An average over more spans than fit may be too short.
    if (long !== undefined && own.sql !== undefined && (own.exact || long.op !== "avg"))
      return { ...demand, own: { ...own, sql: longSpans(own.sql, long, range) } };
  }
  if (left.op !== "count") return demand;
  if ((op !== ">" && op !== ">=") || right.value.type !== "int" || own.sql === undefined)
    return demand;
  const least = Number(right.value.value) - (op === ">=" ? 1 : 0);
  if (least < 1) return demand;
  return { ...demand, own: { ...own, sql: manySpans(own.sql, least, range) } };
}

function longSide(
  { op, expr }: Traceql.Aggregate,
  bound: Static,
): { readonly op: "sum" | "avg" | "max"; readonly leastNs: number } | undefined {
  if (op !== "sum" && op !== "avg" && op !== "max") return undefined;
  if (expr?.kind !== "attribute" || expr.parent || expr.intrinsic !== "duration") return undefined;
  if (bound.type !== "duration" && bound.type !== "int") return undefined;
  const leastNs = Number(bound.value);
  return leastNs > 0 ? { op, leastNs } : undefined;
}

function asksForTree(expr: Traceql.FieldExpr): boolean {
  let found = false;
  eachAttribute(expr, (attribute) => {
    if (needsTrace(attribute) || attribute.intrinsic === "nestedSetParent") found = true;
  });
  return found;
}

function laterNeedsTree(stage: Traceql.Stage, range: NsRange): boolean {
  if (stage.kind === "filter" || stage.kind === "operation") return demandOf(stage, range).whole;
  let found = false;
  pipelineAttributes({ kind: "pipeline", stages: [stage], span: stage.span }, (attribute) => {
    if (needsTrace(attribute) || attribute.intrinsic === "nestedSetParent") found = true;
  });
  // A pipeline within an aggregate can hold anything.
  return (
    found ||
    (stage.kind === "scalar_filter" &&
      [stage.left, stage.right].some(
        (side) => side.kind !== "literal" && side.kind !== "aggregate",
      ))
  );
}

function operationDemand({ op, left, right }: Traceql.SpansetOperation, range: NsRange): Demand {
  const a = demandOf(left, range);
  const b = demandOf(right, range);
  const leaves = [...a.leaves, ...b.leaves];
  const whole = a.whole || b.whole || (op !== "&&" && op !== "||");
  if (op === "||") {
    const known = [a.own.sql, b.own.sql].filter((one) => one !== undefined);
    const own: Condition = {
      sql: known.length < 2 ? undefined : anyOf(known),
      exact: false,
      doubtful: [...a.own.doubtful, ...b.own.doubtful],
    };
    return { own, others: [], leaves, whole };
  }
  if (op.startsWith("!")) return { own: b.own, others: b.others, leaves, whole };
  // The side that says more finds the candidates; the other one thins them out.
  const [own, other] = isAnything(b.own) ? [a.own, b.own] : [b.own, a.own];
  const thinning = isAnything(other) ? [] : [broad(other)].filter((one) => one !== undefined);
  return { own, others: [...a.others, ...b.others, ...thinning], leaves, whole };
}

function isAnything({ sql: condition }: Condition): boolean {
  return condition === undefined || (condition.values.length === 0 && condition.parts[0] === "1");
}

/**
 * The spans that a pipeline of filters finds, as one condition; `undefined` when traces must be looked at as a whole,
 * or the store cannot tell exactly.
 */
export function spanCondition(
  pipeline: Traceql.Pipeline,
  range: NsRange,
): { readonly sql: Sql; readonly doubtful: readonly Sql[] } | undefined {
  const conditions: Sql[] = [];
  const doubtful: Sql[] = [];
  for (const stage of pipeline.stages) {
    // Grouping moves spans between spansets and selecting shows them: the spans stay the same.
    if (stage.kind === "group" || stage.kind === "select" || stage.kind === "coalesce") continue;
    const own = exactCondition(stage, range);
    if (own?.sql === undefined) return undefined;
    conditions.push(sql`(${own.sql})`);
    doubtful.push(...own.doubtful);
  }
  return { sql: all(conditions), doubtful };
}

function exactCondition(
  stage: Traceql.Stage | Traceql.Spansets,
  range: NsRange,
): Condition | undefined {
  if (stage.kind === "filter") {
    const condition = conditionOf(stage.expr, range);
    return condition.exact ? condition : undefined;
  }
  if (stage.kind === "pipeline") {
    const inner = spanCondition(stage, range);
    return inner === undefined ? undefined : { ...inner, exact: true };
  }
  if (stage.kind !== "operation" || stage.op !== "||") return undefined;
  const sides = [exactCondition(stage.left, range), exactCondition(stage.right, range)];
  const [a, b] = sides;
  if (a?.sql === undefined || b?.sql === undefined) return undefined;
  return {
    sql: sql`(${join([a.sql, b.sql], " OR ")})`,
    exact: true,
    doubtful: [...a.doubtful, ...b.doubtful],
  };
}
