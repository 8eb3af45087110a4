/**
 * Attribute filters between the form, the chips, the URL and the API: one string each,
 * `<scope>.<key><op><value>` as the contract has it (`span.card.issuer=acme`).
 */
import type { AttributeFilter } from "@triptych/contract";

export const filterScopes = ["any", "resource", "span", "log"] as const;
const filterOps = ["!=", "=~", "!~", "="] as const;

export function printFilter(filter: AttributeFilter): string {
  return `${filter.scope}.${filter.key}${filter.op}${filter.value}`;
}

/** Undefined when it is not a filter. The operator is the first one found: keys with `=` in them are not filterable. */
export function parseFilter(text: string): AttributeFilter | undefined {
  const dot = text.indexOf(".");
  const named = filterScopes.find((scope) => scope === text.slice(0, dot));
  const scope = named ?? "any";
  const rest = named === undefined ? text : text.slice(dot + 1);
  const found = firstOperator(rest);
  if (found === undefined || found.at === 0) return undefined;
  const key = rest.slice(0, found.at).trim();
  const value = rest.slice(found.at + found.op.length).trim();
  return key === "" ? undefined : { scope, key, op: found.op, value };
}

function firstOperator(text: string): { at: number; op: AttributeFilter["op"] } | undefined {
  for (let at = 0; at < text.length; at++) {
    const op = filterOps.find((candidate) => text.startsWith(candidate, at));
    if (op !== undefined) return { at, op };
  }
  return undefined;
}

export const negated: { readonly [op in AttributeFilter["op"]]: AttributeFilter["op"] } = {
  "=": "!=",
  "!=": "=",
  "=~": "!~",
  "!~": "=~",
};

/** A key as the server names it in lists, where a scope may stand before it (`span.http.route`), taken apart. */
export function scopedKey(text: string): Pick<AttributeFilter, "scope" | "key"> {
  const dot = text.indexOf(".");
  const scope = filterScopes.find((name) => name === text.slice(0, dot));
  return scope === undefined || dot === text.length - 1
    ? { scope: "any", key: text }
    : { scope, key: text.slice(dot + 1) };
}

/** Adds a filter to a list of printed ones; the same or the opposite one is replaced, not doubled. */
export function withFilter(list: readonly string[], filter: AttributeFilter): string[] {
  const text = printFilter(filter);
  const opposite = printFilter({ ...filter, op: negated[filter.op] });
  return [...list.filter((item) => item !== text && item !== opposite), text];
}

/** `label<op>value` as metrics take it. */
export function parseMatch(
  text: string,
): { label: string; op: AttributeFilter["op"]; value: string } | undefined {
  const found = firstOperator(text);
  if (found === undefined || found.at === 0) return undefined;
  return {
    label: text.slice(0, found.at).trim(),
    op: found.op,
    value: text.slice(found.at + found.op.length).trim(),
  };
}
