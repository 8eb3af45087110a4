/**
 * Where TraceQL's attributes are stored, as SQL: whether a span has one, its value, and the kind of the value. A value
 * is read as its kind's digit and its text in one string, "" when there is none.
 */
import type { Traceql } from "@triptych/lang";
import { all, constant, type Sql, sql, text } from "../sql.ts";
import { ARRAYS } from "../tables.ts";

/** A map of attributes with the kinds of its values. */
interface Place {
  readonly map: Sql;
  readonly kinds: Sql;
}

const place = (map: string, kinds: string): Place => ({
  map: constant(map),
  kinds: constant(kinds),
});
export const spanPlace = place("SpanAttributes", "SpanKinds");
export const resourcePlace = place("ResourceAttributes", "ResourceKinds");
export const scopePlace = place("ScopeAttributes", "ScopeKinds");

/** Columns with a map for each event or link. */
const eventPlace: Place = { map: sql`\`Events.Attributes\``, kinds: sql`EventKinds` };
const linkPlace: Place = { map: sql`\`Links.Attributes\``, kinds: sql`LinkKinds` };

/** Digits of `ValueKind`. */
export const kindDigits = { bool: "2", int: "3", float: "4", array: "6" } as const;

export function hasKey({ map }: Place, key: string): Sql {
  return sql`mapContains(${map}, ${text(key)})`;
}

export function storedValue({ map }: Place, key: string): Sql {
  return sql`${map}[${text(key)}]`;
}

/** The digit of the value's kind. All are strings when no kinds are stored. */
function kindOf({ map, kinds }: Place, key: string): Sql {
  return sql`if(${kinds} = '', '1', substring(${kinds}, indexOf(mapKeys(${map}), ${text(key)}), 1))`;
}

/** Whether it is an array. The first test is answered by an index: hardly any attribute is one. */
export function isArray(where: Place, key: string): Sql {
  const isArray = sql`${hasKey(where, key)} AND ${kindIn(where, key, [kindDigits.array])}`;
  return where === scopePlace ? sql`(${isArray})` : sql`(${constant(ARRAYS)} >= 1 AND ${isArray})`;
}

/** Whether the kind is one of some digits. An attribute that is missing has no kind unless all are strings. */
export function kindIn(where: Place, key: string, digits: readonly string[]): Sql {
  const list = digits.reduce(
    (out, digit, i) => (i === 0 ? text1(digit) : sql`${out}, ${text1(digit)}`),
    sql``,
  );
  return sql`${kindOf(where, key)} IN (${list})`;
}

const text1 = (value: string): Sql => sql`${text(value)}`;

function encoded(where: Place, key: string): Sql {
  return sql`if(${hasKey(where, key)}, concat(${kindOf(where, key)}, ${storedValue(where, key)}), '')`;
}

/** Of each event or link, "" for those that have none. */
function encodedItems(where: Place, key: string): Sql {
  const item: Place = { map: sql`m`, kinds: sql`k` };
  return sql`arrayMap((m, k) -> ${encoded(item, key)}, ${where.map}, ${where.kinds})`;
}

/** Whether an event or link has it. */
export function hasItem(scope: "event" | "link", key: string): Sql {
  const { map } = scope === "event" ? eventPlace : linkPlace;
  return sql`arrayExists(m -> mapContains(m, ${text(key)}), ${map})`;
}

/** Whether an event or link has it as a string with this value. */
export function itemEquals(scope: "event" | "link", key: string, value: string): Sql {
  const { map } = scope === "event" ? eventPlace : linkPlace;
  return sql`arrayExists(m -> m[${text(key)}] = ${text(value)}, ${map})`;
}

/** What is asked of one event or link, where `n` is the event's name and `m` its attributes. */
export const oneItem = {
  has: (key: string): Sql => sql`mapContains(m, ${text(key)})`,
  equals: (key: string, value: string): Sql => sql`m[${text(key)}] = ${text(value)}`,
  eventName: sql`n`,
} as const;

/** Whether one event, or one link, fits some conditions made of `oneItem`. */
export function someItem(scope: "event" | "link", conditions: readonly Sql[]): Sql {
  const each = all(conditions);
  return scope === "event"
    ? sql`arrayExists((n, m) -> ${each}, \`Events.Name\`, ${eventPlace.map})`
    : sql`arrayExists(m -> ${each}, ${linkPlace.map})`;
}

/** How an attribute is read: one encoded value, or an array of them. */
export interface Reading {
  readonly sql: Sql;
  readonly many: boolean;
}

/** Reads an attribute. A name without scope is one of the span, or else of the resource. */
export function attributeReading({ scope, name }: Traceql.Attribute): Reading {
  switch (scope) {
    case "span":
      return { sql: encoded(spanPlace, name), many: false };
    case "resource":
      return { sql: encoded(resourcePlace, name), many: false };
    case "instrumentation":
      return { sql: encoded(scopePlace, name), many: false };
    case "event":
      return { sql: encodedItems(eventPlace, name), many: true };
    case "link":
      return { sql: encodedItems(linkPlace, name), many: true };
    default:
      return {
        many: false,
        sql: sql`if(${hasKey(spanPlace, name)}, ${encoded(spanPlace, name)}, ${encoded(resourcePlace, name)})`,
      };
  }
}
