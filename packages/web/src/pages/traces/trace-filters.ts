/** The filters of the Traces page: URL to API, URL to chips, typed text to URL. */
import { negated, parseFilter, printFilter, withFilter } from "../../state/filters.ts";
import { many, one, type Params, type ParamsChange } from "../../state/params.ts";
import { parseDurationMs, printDuration } from "../../state/time-range.ts";

/** As `/traces`, `/traces/heat` and `/traces/difference` take them, without time, order and limit. */
export function traceQuery(params: Params): ParamsChange {
  const ms = (name: string) => {
    const value = parseDurationMs(one(params, name) ?? "");
    return Number.isNaN(value) ? undefined : String(value);
  };
  return {
    service: one(params, "service"),
    operation: one(params, "operation"),
    status: one(params, "status"),
    minDurationMs: ms("min"),
    maxDurationMs: ms("max"),
    attr: many(params, "attr"),
    search: one(params, "search"),
  };
}

export const traceFilterNames = [
  ...["service", "operation", "status", "min", "max", "attr", "search"],
] as const;

export function hasTraceFilters(params: Params): boolean {
  return traceFilterNames.some((name) => many(params, name).length > 0);
}

/** What to change for a typed filter such as `service=orders`, `duration>2s`, `error`, `card.issuer!=acme`. */
export function readTyped(text: string, params: Params): ParamsChange | undefined {
  const duration = /^duration\s*([<>])=?\s*(.+)$/i.exec(text);
  if (duration !== null) {
    const ms = parseDurationMs(duration[2] ?? "");
    if (Number.isNaN(ms)) return undefined;
    return { [duration[1] === ">" ? "min" : "max"]: printDuration(ms) };
  }
  if (/^(error|errors|failed)$/i.test(text)) return { status: "error" };
  const filter = parseFilter(text);
  if (filter === undefined) return undefined;
  if (filter.scope === "any" && filter.op === "=") {
    switch (filter.key) {
      case "service":
      case "service.name":
        return { service: filter.value };
      case "operation":
      case "name":
        return { operation: filter.value };
      case "status":
        return filter.value === "error" || filter.value === "ok"
          ? { status: filter.value }
          : undefined;
      default:
    }
  }
  return { attr: withFilter(many(params, "attr"), filter) };
}

export interface ChipData {
  readonly name: string;
  readonly op: string;
  readonly value: string;
  readonly remove: ParamsChange;
  readonly negate?: ParamsChange;
}

export function chipsOf(params: Params): ChipData[] {
  const chips: ChipData[] = [];
  const single = (param: string, name: string, op: string) => {
    const value = one(params, param);
    if (value !== undefined) chips.push({ name, op, value, remove: { [param]: undefined } });
  };
  single("service", "service", "=");
  single("operation", "operation", "=");
  single("status", "status", "=");
  single("min", "duration", ">");
  single("max", "duration", "<");
  return [...chips, ...attributeChips(many(params, "attr"))];
}

export function attributeChips(list: readonly string[]): ChipData[] {
  return list.flatMap((text) => {
    const filter = parseFilter(text);
    if (filter === undefined) return [];
    const others = list.filter((item) => item !== text);
    const name = filter.scope === "any" ? filter.key : `${filter.scope}.${filter.key}`;
    const negate = { attr: [...others, printFilter({ ...filter, op: negated[filter.op] })] };
    return [{ name, op: filter.op, value: filter.value, remove: { attr: others }, negate }];
  });
}
