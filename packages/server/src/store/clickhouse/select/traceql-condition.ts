/**
 * TraceQL's filters as conditions over `otel_traces`. A condition either says exactly what the filter says, or lets
 * through more than the filter does; the evaluator then decides. Values that are arrays are left to `doubtful`: where
 * it holds, the evaluator must look.
 */
import {
  conjuncts,
  isServiceName,
  isTrue,
  itemScope,
  type Static,
  staticNumber,
  type Traceql,
} from "@triptych/lang";
import { unreachable } from "@triptych/model";
import { compileRegex } from "../../../regex/compile.ts";
import { constant, f64, join, type Sql, sql, text } from "../sql.ts";
import { DOUBTFUL } from "../tables.ts";
import {
  flipped,
  isNumber,
  itemTest,
  literalOf,
  numberTest,
  textTest,
} from "./traceql-comparison.ts";
import {
  hasItem,
  hasKey,
  isArray,
  itemEquals,
  someItem,
  kindDigits,
  kindIn,
  resourcePlace,
  scopePlace,
  spanPlace,
  storedValue,
} from "./traceql-place.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface Condition {
  /** Absent when every span may fit. */
  readonly sql?: Sql | undefined;
  /** Whether it is the filter itself, for spans that are not doubtful. */
  readonly exact: boolean;
  readonly doubtful: readonly Sql[];
}

type Field = Traceql.FieldExpr;
type Attribute = Traceql.Attribute;
type Place = typeof spanPlace;

const ANYTHING: Condition = { exact: false, doubtful: [] };
const exactly = (condition: Sql): Condition => ({ sql: condition, exact: true, doubtful: [] });
const roughly = (condition: Sql): Condition => ({ sql: condition, exact: false, doubtful: [] });
const never = sql`0`;
const always = sql`1`;

/** Traces are looked at this far beyond the range when their length or other spans of them matter. */
const TRACE_MARGIN_NS = 3_600_000_000_000n;

export const withMargin = ({ fromNs, toNs }: NsRange): NsRange => ({
  fromNs: fromNs - TRACE_MARGIN_NS,
  toNs: toNs + TRACE_MARGIN_NS,
});

export function conditionOf(expr: Field, range: NsRange): Condition {
  switch (expr.kind) {
    case "literal":
      return exactly(isTrue(expr.value) ? always : never);
    case "attribute":
      return compared("=", expr, { type: "bool", value: true }, range);
    case "unary":
      return unaryCondition(expr, range);
    case "binary":
      return binaryCondition(expr, range);
    default:
      return unreachable(expr);
  }
}

/**
 * A doubtful span has an array, an event, a link or a scope with attributes. An index says where there are any, and few
 * spans fit it, so that the attributes of the others are not read at all.
 */
export const mayBeDoubtful = sql`(${constant(DOUBTFUL)} >= 1)`;

/** Whether one of some doubtful conditions holds. */
export const anyDoubt = (doubtful: readonly Sql[]): Sql =>
  sql`(${mayBeDoubtful} AND (${join(doubtful, " OR ")}))`;

/** What lets a span through that the filter takes or that is doubtful; absent when every span may. */
export function broad({ sql: condition, doubtful }: Condition): Sql | undefined {
  if (condition === undefined) return undefined;
  return doubtful.length === 0 ? condition : sql`(${join([condition, ...doubtful], " OR ")})`;
}

function unaryCondition(expr: Field & { kind: "unary" }, range: NsRange): Condition {
  if (expr.op === "-") return ANYTHING;
  if (expr.op === "!") {
    const inner = conditionOf(expr.operand, range);
    // What is neither true nor false, such as an attribute that is missing, fits neither way.
    if (!inner.exact || inner.sql === undefined || !isDecided(expr.operand))
      return { ...ANYTHING, doubtful: inner.doubtful };
    return { ...inner, sql: sql`NOT (${inner.sql})` };
  }
  if (expr.operand.kind !== "attribute") return ANYTHING;
  return existence(expr.operand, expr.op === "exists");
}

/** Whether an expression is always true or false. */
function isDecided(expr: Field): boolean {
  if (expr.kind === "binary") return true;
  if (expr.kind === "unary") return expr.op !== "-" && (expr.op !== "!" || isDecided(expr.operand));
  return expr.kind === "literal";
}

function existence(attribute: Attribute, wanted: boolean): Condition {
  if (attribute.parent) return ANYTHING;
  if (attribute.intrinsic !== undefined || isServiceName(attribute))
    return wanted && isAlwaysThere(attribute) ? exactly(always) : ANYTHING;
  const { name, scope } = attribute;
  const known = (where: Place): Sql =>
    sql`(${hasKey(where, name)} AND NOT ${kindIn(where, name, ["0", "7"])})`;
  const as = (condition: Sql): Condition => exactly(wanted ? condition : sql`NOT ${condition}`);
  switch (scope) {
    case "span":
      return as(known(spanPlace));
    case "resource":
      return as(known(resourcePlace));
    case "instrumentation":
      return as(known(scopePlace));
    case "event":
    case "link":
      return roughly(wanted ? hasItem(scope, name) : always);
    default:
      return as(sql`(${known(spanPlace)} OR ${known(resourcePlace)})`);
  }
}

/** Of intrinsics and the service's name. */
function isAlwaysThere({ intrinsic }: Attribute): boolean {
  return (
    intrinsic === "name" ||
    intrinsic === "duration" ||
    intrinsic === "status" ||
    intrinsic === "kind" ||
    intrinsic === "trace:id" ||
    intrinsic === undefined
  );
}

function binaryCondition(expr: Field & { kind: "binary" }, range: NsRange): Condition {
  const { op, left, right } = expr;
  if (op === "&&" && conjuncts(expr).ofItems.length > 0) return everyCondition(expr, range);
  if (op === "&&" || op === "||") {
    if (!isDecidable(left) || !isDecidable(right)) return ANYTHING;
    return joined(op, conditionOf(left, range), conditionOf(right, range));
  }
  const leftValue = literalOf(left);
  const rightValue = literalOf(right);
  if (left.kind === "attribute" && rightValue !== undefined)
    return compared(op, left, rightValue, range);
  if (right.kind === "attribute" && leftValue !== undefined) {
    const turned = flipped[op];
    return turned === undefined ? ANYTHING : compared(turned, right, leftValue, range);
  }
  return ANYTHING;
}

/**
 * Where several operands ask of one event or one link, each by itself lets through too much: besides, one item must
 * fit those that are simple enough to be told here.
 */
function everyCondition(expr: Field, range: NsRange): Condition {
  const { plain, ofItems } = conjuncts(expr);
  const items = ofItems.map((group): Condition => {
    const tests = group.map(itemTest).filter((one) => one !== undefined);
    const scope = itemScope(group[0] ?? expr);
    if (tests.length < 2 || scope === undefined) return ANYTHING;
    return roughly(someItem(scope, tests));
  });
  const each = [...plain, ...ofItems.flat()].map((one) =>
    isDecidable(one) ? conditionOf(one, range) : ANYTHING,
  );
  const both = [...each, ...items].reduce((a, b) => joined("&&", a, b));
  return { ...both, exact: false };
}

/** Both sides of `&&` must be true or false themselves; an attribute can be anything. */
const isDecidable = (expr: Field): boolean => isDecided(expr) || expr.kind === "attribute";

function joined(op: "&&" | "||", left: Condition, right: Condition): Condition {
  const exact = left.exact && right.exact;
  const doubtful = [...left.doubtful, ...right.doubtful];
  const known = [left.sql, right.sql].filter((one): one is Sql => one !== undefined);
  if (op === "||" && known.length < 2) return { exact: false, doubtful };
  if (known.length === 0) return { exact: false, doubtful };
  return { sql: sql`(${join(known, op === "&&" ? " AND " : " OR ")})`, exact, doubtful };
}

type Op = Traceql.FieldOp;

function compared(op: Op, attribute: Attribute, value: Static, range: NsRange): Condition {
  if (attribute.parent || value.type === "nil" || value.type === "array") return ANYTHING;
  if (attribute.intrinsic !== undefined)
    return intrinsicCondition(op, attribute.intrinsic, value, range);
  const { name, scope } = attribute;
  if (scope === "event" || scope === "link") {
    if (op === "=" && value.type === "string" && value.value !== "")
      return roughly(itemEquals(scope, name, value.value));
    return roughly(hasItem(scope, name));
  }
  const arrays = (where: Place): Sql => isArray(where, name);
  // Reading keys takes as long as reading values, so they are only asked for where a missing value could fit.
  const test = (where: Place): Sql =>
    impliesPresence(op, value)
      ? valueTest(op, where, name, value)
      : sql`(${hasKey(where, name)} AND ${valueTest(op, where, name, value)})`;
  if (scope !== "none") {
    const where = scope === "span" ? spanPlace : scope === "resource" ? resourcePlace : scopePlace;
    if (isServiceName(attribute) && value.type === "string")
      return serviceCondition(op, value.value, arrays(where));
    return { sql: test(where), exact: true, doubtful: [arrays(where)] };
  }
  const service =
    isServiceName(attribute) && value.type === "string"
      ? serviceCondition(op, value.value, arrays(resourcePlace)).sql
      : undefined;
  return {
    sql: sql`(${test(spanPlace)} OR (NOT ${hasKey(spanPlace, name)} AND ${service ?? test(resourcePlace)}))`,
    exact: true,
    doubtful: [arrays(spanPlace), arrays(resourcePlace)],
  };
}

/** The column of services is part of the table's order, the map is not; but it has a name for those that have none. */
function serviceCondition(op: Op, value: string, isArray: Sql): Condition {
  if (op === "=" && value !== "") return exactly(sql`ServiceName = ${text(value)}`);
  if (op === "=~" && !compileRegex(value).matches(""))
    return exactly(textTest(op, sql`ServiceName`, value));
  const name = "service.name";
  const isText = sql`(NOT ${hasKey(resourcePlace, name)} OR ${kindIn(resourcePlace, name, ["1", "5"])})`;
  return {
    sql: sql`(${textTest(op, storedValue(resourcePlace, name), value)} AND ${isText})`,
    exact: true,
    doubtful: [isArray],
  };
}

/** Whether only a value that is there can fit: no number or truth value is the empty text. */
function impliesPresence(op: Op, value: Static): boolean {
  if (value.type === "string") return op === "=" && value.value !== "";
  return value.type === "bool" || isNumber(value);
}

/** Whether the value under `name`, which is there, is of the type of `value` and compares as `op` says. */
function valueTest(op: Op, where: Place, name: string, value: Static): Sql {
  const stored = storedValue(where, name);
  switch (value.type) {
    case "string":
      return sql`(${textTest(op, stored, value.value)} AND ${kindIn(where, name, ["1", "5"])})`;
    case "bool": {
      if (op !== "=" && op !== "!=") return never;
      const wanted = String((op === "=") === value.value);
      return sql`(${stored} = ${text(wanted)} AND ${kindIn(where, name, [kindDigits.bool])})`;
    }
    case "int":
    case "float":
    case "duration": {
      const numbers = kindIn(where, name, [kindDigits.int, kindDigits.float]);
      // Stored numbers have one text each, so an index on values finds them.
      if (op === "=") return sql`(${stored} = ${text(String(value.value))} AND ${numbers})`;
      return sql`(${numbers} AND ${numberTest(op, sql`toFloat64OrZero(${stored})`, value)})`;
    }
    default:
      return never;
  }
}

const textColumns: ReadonlyMap<string, Sql> = new Map([
  ["name", sql`SpanName`],
  ["statusMessage", sql`StatusMessage`],
  ["span:id", sql`SpanId`],
  ["span:parentID", sql`if(ParentSpanId = '', '0000000000000000', ParentSpanId)`],
  ["trace:id", sql`TraceId`],
  ["instrumentation:name", sql`ScopeName`],
  ["instrumentation:version", sql`ScopeVersion`],
]);

function intrinsicCondition(
  op: Op,
  intrinsic: NonNullable<Attribute["intrinsic"]>,
  value: Static,
  range: NsRange,
): Condition {
  // Asks for spans that have a parent.
  if (intrinsic === "span:parentID" && op === "!=" && value.type === "string" && value.value === "")
    return exactly(sql`ParentSpanId != ''`);
  const column = textColumns.get(intrinsic);
  if (column !== undefined)
    return value.type === "string"
      ? exactly(sql`(${textTest(op, column, value.value)})`)
      : exactly(never);
  switch (intrinsic) {
    case "status":
    case "kind": {
      if (value.type !== intrinsic || (op !== "=" && op !== "!=")) return exactly(never);
      const stored = text(`${value.value.slice(0, 1).toUpperCase()}${value.value.slice(1)}`);
      const equal =
        intrinsic === "status" ? sql`StatusCode = ${stored}` : sql`SpanKind = ${stored}`;
      return exactly(op === "=" ? equal : sql`NOT (${equal})`);
    }
    case "duration":
      return isNumber(value) ? exactly(numberTest(op, sql`Duration`, value)) : exactly(never);
    case "traceDuration":
      return isNumber(value) ? traceDuration(op, value, range) : exactly(never);
    case "rootName":
    case "rootServiceName":
      return rootCondition(op, intrinsic, value);
    case "nestedSetParent":
      return nestedSetParent(op, value);
    case "event:name":
      return eventName(op, value);
    case "link:traceID":
    case "link:spanID": {
      if (op !== "=" || value.type !== "string") return ANYTHING;
      const ids = intrinsic === "link:traceID" ? sql`\`Links.TraceId\`` : sql`\`Links.SpanId\``;
      return exactly(sql`has(${ids}, ${text(value.value)})`);
    }
    default:
      return ANYTHING;
  }
}

function traceDuration(op: Op, value: Static, range: NsRange): Condition {
  const length = sql`(max(toUnixTimestamp64Nano(Timestamp) + toInt64(least(Duration, 4611686018427387904))) - min(toUnixTimestamp64Nano(Timestamp)))`;
  return roughly(
    sql`TraceId IN (SELECT TraceId FROM otel_traces WHERE ${inRange(withMargin(range))} GROUP BY TraceId HAVING ${numberTest(op, length, value)})`,
  );
}

/** A root may have begun long before the range. Other comparisons can also fit traces whose root is not there. */
function rootCondition(
  op: Op,
  intrinsic: "rootName" | "rootServiceName",
  value: Static,
): Condition {
  if (value.type !== "string") return exactly(never);
  if (op !== "=" || value.value === "") return ANYTHING;
  const column = intrinsic === "rootName" ? sql`SpanName` : sql`ServiceName`;
  return roughly(
    sql`TraceId IN (SELECT TraceId FROM otel_traces WHERE ${textTest(op, column, value.value)} AND ${isRoot})`,
  );
}

export const isRoot = sql`(ParentSpanId = '' AND SpanId != '')`;

/** The forms by which roots are asked for. */
function nestedSetParent(op: Op, value: Static): Condition {
  if (!isNumber(value)) return exactly(never);
  const number = staticNumber(value);
  const roots =
    (op === "=" && number === -1) || (op === "<" && number === 0) || (op === "<=" && number === -1);
  if (roots) return exactly(isRoot);
  const others =
    (op === "!=" && number === -1) ||
    (op === ">=" && number === 0) ||
    (op === ">" && number === -1);
  return others ? exactly(sql`NOT ${isRoot}`) : ANYTHING;
}

function eventName(op: Op, value: Static): Condition {
  if (value.type !== "string") return exactly(never);
  const names = sql`\`Events.Name\``;
  return exactly(
    op === "="
      ? sql`has(${names}, ${text(value.value)})`
      : sql`arrayExists(x -> ${textTest(op, sql`x`, value.value)}, ${names})`,
  );
}

/** Whether the spans of a pipeline can be told from this alone, or need the rest of their trace. */
export function needsTrace(attribute: Attribute): boolean {
  if (attribute.parent) return true;
  const { intrinsic } = attribute;
  return (
    intrinsic === "nestedSetLeft" ||
    intrinsic === "nestedSetRight" ||
    intrinsic === "span:childCount"
  );
}

/**
 * Traces with more than `least` spans that fit: what `count() > least` asks for. Spans that are stored twice count
 * twice, so it lets through too much at most; spans far outside of the range are not counted.
 */
export function manySpans(condition: Sql, least: number, range: NsRange): Sql {
  return tracesWhere(condition, range, sql`count() > ${f64(least)}`);
}

function tracesWhere(condition: Sql, range: NsRange, having: Sql): Sql {
  return sql`(${condition} AND TraceId IN (SELECT TraceId FROM otel_traces
    WHERE ${inRange(withMargin(range))} AND ${condition} GROUP BY TraceId HAVING ${having}))`;
}

/**
 * Traces whose fitting spans are together, on average or at most at least that long: what `sum(duration) >= ns` and
 * its like ask for. Spans that are stored twice are in the sum twice and in the average's number once, so it lets
 * through too much at most; spans far outside of the range are not counted.
 */
export function longSpans(
  condition: Sql,
  { op, leastNs }: { readonly op: "sum" | "avg" | "max"; readonly leastNs: number },
  range: NsRange,
): Sql {
  const sum = sql`sum(toFloat64(Duration))`;
  const value = { sum, avg: sql`${sum} / uniqExact(SpanId)`, max: sql`max(toFloat64(Duration))` }[
    op
  ];
  // Sums of doubles are right to some digits only.
  return tracesWhere(condition, range, sql`${value} >= ${f64(leastNs * (1 - 1e-9))}`);
}
