/**
 * The one statement builder. SQL text is written only in template literals under `store/`; every value goes in as a
 * typed parameter that the engine binds, never as text. So a label value, a tag key or a search word is data, whatever
 * it contains.
 */
import { assert } from "@triptych/model";

export type ParamType =
  | "String"
  | "UInt8"
  | "UInt32"
  | "UInt64"
  | "Int64"
  | "Float64"
  | "Array(String)"
  | "Array(Float64)";

/** A value bound as a parameter. 64-bit integers may be given as decimal text. */
export interface Bound {
  readonly type: ParamType;
  readonly value: string | number | readonly string[] | readonly number[];
}

/** A piece of SQL with its values. `parts` has one more element than `values`. */
export interface Sql {
  readonly parts: readonly string[];
  readonly values: readonly Bound[];
}

export interface Statement {
  readonly text: string;
  readonly params: {
    readonly [name: string]: string | number | readonly string[] | readonly number[];
  };
}

export const text = (value: string): Bound => ({ type: "String", value });
export const texts = (value: readonly string[]): Bound => ({ type: "Array(String)", value });
export const u64 = (value: number | string): Bound => ({ type: "UInt64", value });
export const i64 = (value: number | string): Bound => ({ type: "Int64", value });
export const f64 = (value: number): Bound => ({ type: "Float64", value });
export const f64s = (value: readonly number[]): Bound => ({ type: "Array(Float64)", value });

/** Tagged template: `` sql`SELECT ${column} FROM t WHERE a = ${text(a)}` ``. Nested pieces are spliced in. */
export function sql(strings: TemplateStringsArray, ...items: readonly (Sql | Bound)[]): Sql {
  const parts: string[] = [strings[0] ?? ""];
  const values: Bound[] = [];
  for (const [i, item] of items.entries()) {
    const after = strings[i + 1] ?? "";
    if ("parts" in item) {
      parts[parts.length - 1] += item.parts[0] ?? "";
      for (let j = 0; j < item.values.length; j++) {
        values.push(item.values[j] as Bound);
        parts.push(item.parts[j + 1] ?? "");
      }
      parts[parts.length - 1] += after;
    } else {
      values.push(item);
      parts.push(after);
    }
  }
  return { parts, values };
}

/** Text of ours as SQL: names of tables and columns from `tables.ts`. Never anything that came from outside. */
export function constant(name: string): Sql {
  assert(/^[\w.`(), '*]+$/.test(name), `"${name}" is a constant of ours`);
  return { parts: [name], values: [] };
}

export const empty: Sql = { parts: [""], values: [] };

/** A list of 64-bit integers as decimal texts: the engine's binding does not read such a list as numbers. */
export const u64s = (value: readonly string[]): Sql =>
  sql`arrayMap(x -> toUInt64(x), ${texts(value)})`;

/** Pieces joined by a separator of ours such as ` AND `. */
export function join(
  pieces: readonly Sql[],
  separator: " AND " | " OR " | ", " | " UNION ALL ",
): Sql {
  let out: Sql | undefined;
  for (const piece of pieces) {
    out =
      out === undefined ? piece : concat(concat(out, { parts: [separator], values: [] }), piece);
  }
  return out ?? empty;
}

function concat(a: Sql, b: Sql): Sql {
  const parts = [...a.parts];
  parts[parts.length - 1] += b.parts[0] ?? "";
  return { parts: [...parts, ...b.parts.slice(1)], values: [...a.values, ...b.values] };
}

/** All conditions, or `1` when there are none. */
export function all(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? constant("1") : join(conditions, " AND ");
}

/** The text with `{p0:Type}` in place of values, and the values. */
export function statement(query: Sql): Statement {
  let out = query.parts[0] ?? "";
  const params: { [name: string]: string | number | readonly string[] | readonly number[] } = {};
  for (const [i, bound] of query.values.entries()) {
    params[`p${i}`] = bound.value;
    out += `{p${i}:${bound.type}}${query.parts[i + 1] ?? ""}`;
  }
  // The one thing a read-only session of the engine still does: write a file.
  assert(!/\boutfile\b/i.test(out), "no statement of ours writes a file");
  return { text: out, params };
}

/**
 * `SET param_p0 = '…', …` for a statement's values: how they are bound where the driver's own binding holds a lock for
 * the whole process. A value is escaped twice: as the engine's escaped text, which is how it reads a parameter, and
 * that text as a literal. No byte of a value survives that could end either.
 */
export function parameterSettings(params: Statement["params"]): string | undefined {
  const settings = Object.entries(params).map(
    ([name, value]) => `param_${name} = ${quoted(parameterText(value))}`,
  );
  return settings.length === 0 ? undefined : `SET ${settings.join(", ")}`;
}

function parameterText(value: Statement["params"][string]): string {
  if (typeof value === "string") return escaped(value);
  if (typeof value === "number") return numberText(value);
  const items = value.map((item) => (typeof item === "string" ? quoted(item) : numberText(item)));
  return `[${items.join(",")}]`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(value);
}

const escapes: { readonly [char: string]: string } = {
  "\\": "\\\\",
  "'": "\\'",
  "\n": "\\n",
  "\t": "\\t",
  "\r": "\\r",
  "\0": "\\0",
  "\b": "\\b",
  "\f": "\\f",
};

function escaped(text: string): string {
  let out = "";
  for (const char of text) out += escapes[char] ?? char;
  return out;
}

function quoted(text: string): string {
  return `'${escaped(text)}'`;
}
