/** What a value must be like, as SQL over any text column: conditions on lines and spans share it. */
import { unreachable } from "@triptych/model";
import { constant, f64, type Sql, sql, text } from "../sql.ts";

export type CompareOp = "<" | "<=" | ">" | ">=";

export type ValueTest =
  | { readonly kind: "equals"; readonly value: string }
  /** A pattern that RE2 takes, already checked, with its anchors. */
  | { readonly kind: "matches"; readonly pattern: string }
  /** Case-insensitive. */
  | { readonly kind: "has"; readonly text: string }
  /** Not the empty text. */
  | { readonly kind: "exists" }
  /** Values that are no number do not pass. */
  | { readonly kind: "number"; readonly op: CompareOp; readonly value: number }
  /** By the order of their bytes, as dates in ISO 8601 are; the empty text does not pass. */
  | { readonly kind: "text"; readonly op: CompareOp; readonly value: string };

/** Never NULL, so that it can be negated. `column` is read more than once. */
export function valueTest(column: Sql, test: ValueTest): Sql {
  switch (test.kind) {
    case "equals":
      return sql`${column} = ${text(test.value)}`;
    case "matches":
      return sql`match(${column}, ${text(test.pattern)})`;
    case "has":
      return sql`positionCaseInsensitiveUTF8(${column}, ${text(test.text)}) > 0`;
    case "exists":
      return sql`${column} != ''`;
    case "number":
      return sql`ifNull(toFloat64OrNull(${column}) ${compareOp(test.op)} ${f64(test.value)}, 0)`;
    case "text":
      return sql`(${column} != '' AND ${column} ${compareOp(test.op)} ${text(test.value)})`;
    default:
      return unreachable(test);
  }
}

/** Whether one of the attributes whose key matches `keyPattern` passes the test; `column` holds a map. */
export function anyAttribute(column: Sql, keyPattern: string | undefined, test: ValueTest): Sql {
  // The index on values answers this one.
  if (keyPattern === undefined && test.kind === "equals")
    return sql`has(mapValues(${column}), ${text(test.value)})`;
  const value = valueTest(constant("v"), test);
  return keyPattern === undefined
    ? sql`arrayExists(v -> ${value}, mapValues(${column}))`
    : sql`arrayExists((k, v) -> match(k, ${text(keyPattern)}) AND ${value}, mapKeys(${column}), mapValues(${column}))`;
}

export function compareOp(op: CompareOp): Sql {
  switch (op) {
    case "<":
      return sql`<`;
    case "<=":
      return sql`<=`;
    case ">":
      return sql`>`;
    case ">=":
      return sql`>=`;
    default:
      return unreachable(op);
  }
}
