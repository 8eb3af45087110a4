/** The filters of the Logs page: URL to API, URL to chips, typed text to URL. */
import type { LogLevel } from "@triptych/contract";
import { levelOrder } from "../../charts/level-order.ts";
import { parseFilter, withFilter } from "../../state/filters.ts";
import { many, one, type Params, type ParamsChange } from "../../state/params.ts";
import { attributeChips, type ChipData } from "../traces/trace-filters.ts";

export const logFilterNames = [
  ...["service", "level", "text", "traceId", "spanId", "attr"],
  ...["search", "pattern", "notPattern"],
] as const;

/** As `/logs`, `/logs/levels` and `/logs/tail` take them, without time, order and limit. */
export function logQuery(params: Params): ParamsChange {
  return {
    service: many(params, "service"),
    level: many(params, "level"),
    text: one(params, "text"),
    traceId: one(params, "traceId"),
    spanId: one(params, "spanId"),
    attr: many(params, "attr"),
    search: one(params, "search"),
    pattern: many(params, "pattern"),
    notPattern: many(params, "notPattern"),
  };
}

export function hasLogFilters(params: Params): boolean {
  return logFilterNames.some((name) => many(params, name).length > 0);
}

function isLevel(text: string): text is LogLevel {
  return levelOrder.some((level) => level === text);
}

/** Adds to a list parameter, or takes away what is there. */
export function toggled(params: Params, name: "service" | "level", value: string): ParamsChange {
  const list = many(params, name);
  return {
    [name]: list.includes(value) ? list.filter((item) => item !== value) : [...list, value],
  };
}

/** What to change for `service=orders`, `level=error`, `trace=…`, `card.issuer=acme`, or plain words. */
export function readTypedLog(text: string, params: Params): ParamsChange | undefined {
  if (/^[0-9a-f]{32}$/.test(text)) return { traceId: text };
  const quoted = /^"(.*)"$/.exec(text)?.[1];
  const filter =
    quoted === undefined && /^[\w.-]+\s*(=|!=|=~|!~)/.test(text) ? parseFilter(text) : undefined;
  if (filter === undefined) return { text: quoted ?? text };
  if (filter.scope === "any" && filter.op === "=") {
    const known = namedFilter(filter.key, filter.value, params);
    if (known !== undefined) return known;
    if (filter.key === "level") return undefined;
  }
  return { attr: withFilter(many(params, "attr"), filter) };
}

function namedFilter(key: string, value: string, params: Params): ParamsChange | undefined {
  const add = (name: "service" | "level") => ({
    [name]: [...new Set([...many(params, name), value])],
  });
  switch (key) {
    case "service":
    case "service.name":
      return add("service");
    case "level":
      return isLevel(value) ? add("level") : undefined;
    case "trace":
    case "trace_id":
    case "traceId":
      return { traceId: value };
    case "span":
    case "span_id":
    case "spanId":
      return { spanId: value };
    default:
      return undefined;
  }
}

export function logChips(params: Params): ChipData[] {
  const chips: ChipData[] = [];
  for (const name of ["service", "level"] as const) {
    const list = many(params, name);
    if (list.length > 0)
      chips.push({
        name,
        op: list.length > 1 ? "in" : "=",
        value: list.join(", "),
        remove: { [name]: undefined },
      });
  }
  for (const [name, label, op] of [
    ["text", "line", "has"],
    ["traceId", "trace", "="],
    ["spanId", "span", "="],
  ] as const) {
    const value = one(params, name);
    if (value !== undefined) chips.push({ name: label, op, value, remove: { [name]: undefined } });
  }
  const patterns = (["pattern", "notPattern"] as const).flatMap((name) =>
    many(params, name).map((value): ChipData => {
      const remove = { [name]: many(params, name).filter((item) => item !== value) };
      const other = name === "pattern" ? "notPattern" : "pattern";
      const negate = { ...remove, [other]: [...many(params, other), value] };
      return { name: "pattern", op: name === "pattern" ? "=" : "!=", value, remove, negate };
    }),
  );
  return [...chips, ...patterns, ...attributeChips(many(params, "attr"))];
}
