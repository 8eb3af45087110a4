/** Tests on spans as the search bar makes them: any combination of conditions, as SQL over `otel_traces`. */
import { unreachable } from "@triptych/model";
import { all, constant, i64, join, type Sql, sql, text, u64 } from "../sql.ts";
import {
  anyAttribute,
  type CompareOp,
  compareOp,
  type ValueTest,
  valueTest,
} from "./value-test.ts";

export const spanColumns = {
  service: "ServiceName",
  name: "SpanName",
  kind: "SpanKind",
  status: "StatusCode",
  statusMessage: "StatusMessage",
  traceId: "TraceId",
  spanId: "SpanId",
  parentId: "ParentSpanId",
  scopeName: "ScopeName",
  scopeVersion: "ScopeVersion",
} as const;

export type SpanColumn = keyof typeof spanColumns;

export type SpanTest =
  | { readonly kind: "both" | "either"; readonly tests: readonly SpanTest[] }
  | { readonly kind: "not"; readonly test: SpanTest }
  | { readonly kind: "column"; readonly column: SpanColumn; readonly test: ValueTest }
  | { readonly kind: "duration"; readonly op: CompareOp; readonly ns: bigint }
  | { readonly kind: "started"; readonly op: CompareOp; readonly ns: bigint }
  /** The first of `keys` that the span has as an attribute, else its resource, its scope, or one of its events. */
  | { readonly kind: "attribute"; readonly keys: readonly string[]; readonly test: ValueTest }
  /** Any attribute whose key matches the pattern, or any at all. */
  | { readonly kind: "keys"; readonly pattern: string | undefined; readonly test: ValueTest }
  /** Name, service, status message, the names of events, or the value of an attribute. */
  | { readonly kind: "anywhere"; readonly test: ValueTest };

const maps = ["SpanAttributes", "ResourceAttributes", "ScopeAttributes"] as const;
const eventMaps = constant("`Events.Attributes`");

export function spanTest(test: SpanTest): Sql {
  switch (test.kind) {
    case "both":
      return sql`(${all(test.tests.map(spanTest))})`;
    case "either":
      return test.tests.length === 0
        ? sql`0`
        : sql`(${join(
            test.tests.map((one) => sql`(${spanTest(one)})`),
            " OR ",
          )})`;
    case "not":
      return sql`NOT (${spanTest(test.test)})`;
    case "column":
      return valueTest(constant(spanColumns[test.column]), test.test);
    case "duration":
      return sql`Duration ${compareOp(test.op)} ${u64(String(test.ns))}`;
    case "started":
      return sql`toUnixTimestamp64Nano(Timestamp) ${compareOp(test.op)} ${i64(String(test.ns))}`;
    case "attribute":
      return attribute(test.keys, test.test);
    case "keys":
      return keysTest(test.pattern, test.test);
    case "anywhere":
      return anywhere(test.test);
    default:
      return unreachable(test);
  }
}

function attribute(keys: readonly string[], test: ValueTest): Sql {
  const tests = keys.flatMap((key) => [
    ...maps.map((map) => attributeIn(constant(map), key, test)),
    sql`arrayExists(m -> ${attributeIn(constant("m"), key, test)}, ${eventMaps})`,
  ]);
  return sql`(${join(tests, " OR ")})`;
}

function attributeIn(map: Sql, key: string, test: ValueTest): Sql {
  const value = sql`${map}[${text(key)}]`;
  // A key that is not there reads as the empty text, which is also a value.
  if (test.kind === "exists") return sql`mapContains(${map}, ${text(key)})`;
  const passes = valueTest(value, test);
  const isFoundByEmpty = test.kind === "matches" || (test.kind === "equals" && test.value === "");
  return isFoundByEmpty ? sql`(mapContains(${map}, ${text(key)}) AND ${passes})` : passes;
}

function keysTest(pattern: string | undefined, test: ValueTest): Sql {
  const tests = maps.map((map) => anyAttribute(constant(map), pattern, test));
  const events = sql`arrayExists(m -> ${anyAttribute(constant("m"), pattern, test)}, ${eventMaps})`;
  return sql`(${join([...tests, events], " OR ")})`;
}

function anywhere(test: ValueTest): Sql {
  const texts = ["SpanName", "ServiceName", "StatusMessage", "TraceId", "SpanId"].map((column) =>
    valueTest(constant(column), test),
  );
  const names = sql`arrayExists(v -> ${valueTest(constant("v"), test)}, \`Events.Name\`)`;
  return sql`(${join([...texts, names, keysTest(undefined, test)], " OR ")})`;
}
