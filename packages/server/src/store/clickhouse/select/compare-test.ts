/**
 * Comparisons of LogQL on values that are numbers, durations or sizes, as SQL that lets through whatever it is not sure
 * of: values that it does not read (LogQL marks those lines with an error and keeps them), and those so near the bound
 * that reading them a little differently could matter. So the comparison must run again on what is found.
 */
import { constant, f64, type Sql, sql, text } from "../sql.ts";

export type ComparedUnit = "number" | "duration" | "bytes";
export type ComparedOp = "==" | "!=" | ">" | ">=" | "<" | "<=";

/** Of the bound's size: the engine reads numbers to the last digit or the one before. */
const SLACK = 1e-9;

/** Values of the commonest forms only: one number with at most one unit. */
const FORMS: { readonly [unit in ComparedUnit]: string } = {
  number: "^-?[0-9]{1,15}(\\.[0-9]{1,15})?$",
  duration: "^-?[0-9]{1,15}(\\.[0-9]{1,15})?(ns|us|µs|ms|s|m|h)$",
  bytes: "^[0-9]{1,15}(\\.[0-9]{1,15})? ?(?i:b|[kmgt]i?b?)?$",
};

const NUMBER = "^-?[0-9.]+";
const UNIT = "[^0-9. -]+$";

/** Whether a line whose field has the value `column` may pass. A field that is missing or empty does not. */
export function mayCompare(
  column: Sql,
  test: { readonly op: ComparedOp; readonly unit: ComparedUnit; readonly value: number },
): Sql {
  const isThere = sql`${column} != ''`;
  const within = bounds(test);
  if (within === undefined) return isThere;
  const isRead = sql`match(${column}, ${text(FORMS[test.unit])})`;
  const size = sql`toFloat64OrZero(extract(${column}, ${text(NUMBER)}))`;
  const value = test.unit === "number" ? size : sql`${size} * ${factor(column, test.unit)}`;
  return sql`(${isThere} AND (NOT ${isRead} OR (${value} >= ${f64(within.from)} AND ${value} <= ${f64(within.to)})))`;
}

function bounds({
  op,
  value,
  unit,
}: {
  readonly op: ComparedOp;
  readonly unit: ComparedUnit;
  readonly value: number;
}): { readonly from: number; readonly to: number } | undefined {
  // Sizes and the parts of durations are cut to whole ones.
  const slack = Math.abs(value) * SLACK + (unit === "number" ? 0 : 1);
  if (!Number.isFinite(value) || op === "!=") return undefined;
  const from = op === "<" || op === "<=" ? -Number.MAX_VALUE : value - slack;
  const to = op === ">" || op === ">=" ? Number.MAX_VALUE : value + slack;
  return { from, to };
}

function factor(column: Sql, unit: "duration" | "bytes"): Sql {
  return unit === "duration"
    ? sql`transform(extract(${column}, ${text(UNIT)}), ['ns', 'us', 'µs', 'ms', 's', 'm', 'h'],
        [1., 1e3, 1e3, 1e6, 1e9, 6e10, 3.6e12], 1.)`
    : sql`transform(lower(extract(${column}, ${text(UNIT)})),
        ['k', 'kb', 'ki', 'kib', 'm', 'mb', 'mi', 'mib', 'g', 'gb', 'gi', 'gib', 't', 'tb', 'ti', 'tib'],
        [1e3, 1e3, 1024., 1024., 1e6, 1e6, 1048576., 1048576., 1e9, 1e9, 1073741824., 1073741824.,
         1e12, 1e12, 1099511627776., 1099511627776.], ${constant("1.")})`;
}
