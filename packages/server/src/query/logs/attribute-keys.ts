/**
 * Which attribute keys a label may stand for. LogQL's labels have underscores where keys have dots and other
 * characters: to find a line's value by looking at each of its keys takes many times as long as to ask for one key.
 *
 * The keys of a day are learned part by part, once each: parts that are merged have no other keys than those they are
 * made of. Large parts that are not known yet are learned behind the query, which asks for the keys of its own range.
 */
import type { Engine } from "../../store/clickhouse/engine.ts";
import {
  clampedNs,
  type LogCondition,
  type LogField,
  type LogPlace,
  type LogRange,
  logPlaces,
} from "../../store/clickhouse/select/logs-filter.ts";
import {
  keysOfPartsSql,
  keysOfRangeSql,
  logPartsSql,
} from "../../store/clickhouse/select/logs-keys.ts";
import {
  numberCells,
  readRows,
  textCells,
  textsCells,
} from "../../store/clickhouse/select/rows.ts";
import type { LogAsk } from "./source.ts";

export type KeysByPlace = ReadonlyMap<LogPlace, readonly string[]>;

export interface AttributeKeys {
  /** The same conditions, with the keys that their labels may stand for in the range. */
  resolve(
    conditions: readonly LogCondition[],
    range: LogRange,
    ask: LogAsk,
  ): Promise<readonly LogCondition[]>;
  /** Resolves when what is being learned is known. */
  settled(): Promise<void>;
}

/** With more, every line is looked at. */
const KEYS_MAX = 10_000;
/** So many lines are looked through at once, in some 50 ms. */
const LINES_AT_ONCE = 250_000;
const DAYS_MAX = 400;

interface Day {
  /** Parts that were looked at; what was merged into one is replaced by it. */
  parts: readonly Part[];
  readonly keys: Map<LogPlace, Set<string>>;
}

interface Part {
  readonly day: number;
  readonly name: string;
  readonly lines: number;
  /** Numbers of the blocks it is made of, both ends included. Other days' blocks have numbers in between. */
  readonly from: number;
  readonly to: number;
  /** Whether lines of it were deleted: their number tells nothing then. */
  readonly isChanged: boolean;
}

export function createAttributeKeys(engine: Engine): AttributeKeys {
  const days = new Map<number, Day>();
  let learning: Promise<void> | undefined;

  const dayOf = (day: number): Day => {
    const known = days.get(day) ?? { parts: [], keys: new Map() };
    days.set(day, known);
    const [oldest] = days.keys();
    if (days.size > DAYS_MAX && oldest !== undefined) days.delete(oldest);
    return known;
  };
  const learn = async (parts: readonly Part[], ask: LogAsk): Promise<void> => {
    if (parts.length === 0) return;
    const names = parts.map(({ name }) => name);
    const result = await engine.select(keysOfPartsSql(names, KEYS_MAX + 1), ask);
    const found = keysIn(result);
    for (const part of parts) {
      const known = dayOf(part.day);
      // More than its own, where there are several.
      for (const [place, keys] of found) addAll(known.keys, place, keys);
      known.parts = replaced(known.parts, part);
    }
  };
  const learnBehind = (parts: readonly Part[]): void => {
    learning ??= (async () => {
      // What fails is learned with a later query.
      for (const part of parts) await learn([part], {}).catch(() => {});
    })().finally(() => {
      learning = undefined;
    });
  };
  const keysOf = async (range: LogRange, ask: LogAsk): Promise<KeysByPlace> => {
    const parts = await partsOf(engine, range, ask);
    const unknown = parts.filter((part) => {
      const day = days.get(part.day);
      if (day === undefined || !isKnown(day.parts, part)) return true;
      day.parts = replaced(day.parts, part);
      return false;
    });
    const lines = unknown.reduce((sum, part) => sum + part.lines, 0);
    if (lines > LINES_AT_ONCE) {
      learnBehind(unknown);
      return keysIn(await engine.select(keysOfRangeSql(range, KEYS_MAX + 1), ask));
    }
    await learn(unknown, ask);
    const all = new Map<LogPlace, Set<string>>();
    for (const day of new Set(parts.map((part) => part.day)))
      for (const [place, keys] of days.get(day)?.keys ?? []) addAll(all, place, keys);
    return new Map([...all].map(([place, keys]) => [place, [...keys]]));
  };
  return {
    async resolve(conditions, range, ask) {
      if (!conditions.some(hasUnknownKey)) return conditions;
      const clamped = {
        fromNs: BigInt(clampedNs(range.fromNs)),
        toNs: BigInt(clampedNs(range.toNs)),
      };
      const keys = await keysOf(clamped, { signal: ask.signal });
      return conditions.map((one) => withKeys(one, keys));
    },
    settled: async () => learning,
  };
}

async function partsOf(engine: Engine, range: LogRange, ask: LogAsk): Promise<Part[]> {
  const result = await engine.select(logPartsSql(range), ask);
  const rows = readRows(result, (block) => {
    const day = numberCells(block, "day");
    const name = textCells(block, "part");
    const lines = numberCells(block, "lines");
    return (row) => ({ day: day(row), name: name(row), lines: lines(row) });
  });
  // A name says which blocks are in it: day, first, last, how often merged, and a version after a delete.
  return rows.map((row) => {
    const [, from = 0, to = 0, , version] = row.name.split("_").map(Number);
    return { ...row, from, to, isChanged: version !== undefined };
  });
}

function keysIn(result: Parameters<typeof readRows>[0]): Map<LogPlace, readonly string[]> {
  const [row] = readRows(result, (block) => {
    const cells = logPlaces.map((place) => [place, textsCells(block, place)] as const);
    return (at) => cells.map(([place, cell]) => [place, cell(at)] as const);
  });
  return new Map(row ?? []);
}

function addAll(into: Map<LogPlace, Set<string>>, place: LogPlace, keys: Iterable<string>): void {
  const known = into.get(place) ?? new Set();
  into.set(place, known);
  for (const key of keys) if (known.size <= KEYS_MAX) known.add(key);
}

const isWithin = (inner: Part, outer: Part): boolean =>
  outer.from <= inner.from && inner.to <= outer.to;

/** Whether it was looked at, or is made of parts that were and of nothing else: as many lines are in it as in them. */
function isKnown(known: readonly Part[], part: Part): boolean {
  if (known.some(({ name }) => name === part.name)) return true;
  if (part.isChanged) return false;
  const inside = known.filter((one) => isWithin(one, part));
  return inside.reduce((sum, { lines }) => sum + lines, 0) === part.lines;
}

const replaced = (known: readonly Part[], part: Part): readonly Part[] => [
  ...known.filter((one) => !isWithin(one, part)),
  part,
];

function hasUnknownKey(condition: LogCondition): boolean {
  if ("field" in condition) return isOpen(condition.field);
  if (condition.kind === "either" || condition.kind === "each")
    return condition.conditions.some(hasUnknownKey);
  return condition.kind === "not" && hasUnknownKey(condition.condition);
}

const isOpen = (field: LogField): field is Extract<LogField, { kind: "escaped" | "level_label" }> =>
  (field.kind === "escaped" || field.kind === "level_label") && field.keys === undefined;

function withKeys(condition: LogCondition, keys: KeysByPlace): LogCondition {
  if ("field" in condition)
    return isOpen(condition.field)
      ? { ...condition, field: fieldWithKeys(condition.field, keys) }
      : condition;
  if (condition.kind === "either" || condition.kind === "each")
    return { ...condition, conditions: condition.conditions.map((one) => withKeys(one, keys)) };
  if (condition.kind === "not")
    return { ...condition, condition: withKeys(condition.condition, keys) };
  return condition;
}

/** A character that stands for bytes that are no text: such a key cannot be asked for. */
const NO_TEXT = "\ufffd";

const escaped = (key: string): string => key.replace(/[^a-zA-Z0-9]/gu, "_");

/** Whether a key that is not all text may be what the engine takes for the name. */
function mayFit(key: string, name: string): boolean {
  const at = key.indexOf(NO_TEXT);
  if (at < 0) return false;
  const end = key.slice(key.lastIndexOf(NO_TEXT) + 1);
  return name.startsWith(escaped(key.slice(0, at))) && name.endsWith(escaped(end));
}

function fieldWithKeys<F extends Extract<LogField, { kind: "escaped" | "level_label" }>>(
  field: F,
  found: KeysByPlace,
): F {
  const keys = new Map<LogPlace, string>();
  const places: LogPlace[] = [];
  for (const place of field.places ?? logPlaces) {
    const all = found.get(place) ?? [];
    const isUnsure = all.length > KEYS_MAX || all.some((key) => mayFit(key, field.name));
    const fitting = all.filter((key) => escaped(key) === field.name);
    if (!isUnsure && fitting.length === 0) continue;
    places.push(place);
    const [only] = fitting;
    if (!isUnsure && fitting.length === 1 && only !== undefined) keys.set(place, only);
  }
  return { ...field, places, keys };
}
