/** Where LogQL's metric queries get their lines and counts: the store. */
import type { CountQuestion, CountRow, LineSource, LogqlQuery, LogqlRange } from "@triptych/lang";
import { labelsFrom } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { asPatternError } from "../../regex/regex.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { isOfLoki, presenceSql, slotCountsSql } from "../../store/clickhouse/select/logs-counts.ts";
import {
  isOwnKey,
  type LogField,
  type LogRange,
  logPlaces,
} from "../../store/clickhouse/select/logs-filter.ts";
import { numberCells, readRows, textsCells } from "../../store/clickhouse/select/rows.ts";
import type { AttributeKeys } from "../logs/attribute-keys.ts";
import { lineField } from "../logs/loki-labels.ts";
import type { LogAsk } from "../logs/source.ts";
import { createPacing } from "../pacing.ts";
import { planQuery } from "./plan.ts";
import { type ReadLimits, readAhead, readLines } from "./read-lines.ts";

/** Finer slots than this are not worth it: the lines are counted here then. */
const SLOTS_MAX = 50_000;
const ROWS_MAX = 1_000_000;
const ROWS_PER_PAUSE = 256;

export interface LineSourceDeps {
  readonly engine: Engine;
  readonly limits?: ReadLimits | undefined;
  readonly keys?: AttributeKeys | undefined;
}

export function createLineSource(deps: LineSourceDeps, ask: LogAsk): LineSource {
  const { engine, limits } = deps;
  return {
    async lines(query: LogqlQuery, { afterNs, toNs }: LogqlRange) {
      const { conditions: planned, applied } = planQuery(query);
      const range = { fromNs: afterNs + 1n, toNs: toNs + 1n };
      const conditions = (await deps.keys?.resolve(planned, range, ask)) ?? planned;
      const options = limits === undefined ? { ask } : { ask, limits };
      return {
        applied,
        batches: readAhead(readLines(engine, { range, conditions, order: "oldest" }, options)),
      };
    },
    counts: (question) => countsInStore(deps, question, ask),
  };
}

/** When the store does all stages and knows all labels to group by. */
async function countsInStore(
  { engine, keys }: LineSourceDeps,
  question: CountQuestion,
  ask: LogAsk,
): Promise<readonly CountRow[] | undefined> {
  const { query, grouping, endNs, stepNs, rangeNs, steps } = question;
  const { conditions: planned, applied } = planQuery(query);
  if (applied < query.stages.length || grouping === undefined || grouping.without) return undefined;
  const named: LogField[] = [];
  for (const label of grouping.labels) {
    const field = lineField(label);
    if (field === undefined) return undefined;
    named.push(field.kind === "level_label" ? { ...field, isGrouped: true } : field);
  }
  const slotNs = steps === 1 ? rangeNs : gcd(rangeNs, stepNs);
  const afterNs = endNs - rangeNs;
  const toNs = endNs + stepNs * BigInt(steps - 1);
  if ((toNs - afterNs) / slotNs > BigInt(SLOTS_MAX)) return undefined;
  const range = { fromNs: afterNs + 1n, toNs: toNs + 1n };
  const conditions = (await keys?.resolve(planned, range, ask)) ?? planned;
  const { isLokiThere, fields } = await looked(engine, named, range, ask);
  const slots = {
    slots: { afterNs, slotNs },
    limit: ROWS_MAX + 1,
    bytes: question.bytes,
    isLokiThere,
  };
  const sql = slotCountsSql({ range, conditions }, fields, slots);
  const { signal, priority, memory } = ask;
  const result = await engine.select(sql, { signal, priority, memory }).catch((error: unknown) => {
    throw asPatternError(error);
  });
  if (ask.cost !== undefined) {
    ask.cost.rowsRead += result.rowsRead;
    ask.cost.bytesRead += result.bytesRead;
  }
  return windowsOf(result.blocks, question, {
    slotNs,
    labels: grouping.labels,
    ask,
  });
}

/**
 * Whether lines of Loki's push are in the range, where that matters, and the fields without the places where no line of
 * the range has the key: a short look saves reading their attributes.
 */
async function looked(
  engine: Engine,
  named: readonly LogField[],
  range: LogRange,
  { signal, priority }: LogAsk,
): Promise<{ readonly isLokiThere: boolean; readonly fields: readonly LogField[] }> {
  const loki = named.some(isOfLoki);
  const keys = named.flatMap((field) => keyOf(field) ?? []);
  if (!loki && keys.length === 0) return { isLokiThere: false, fields: named };
  const answer = await engine.select(presenceSql(range, { loki, keys }), { signal, priority });
  const [row] = readRows(answer, (block) => {
    const isLoki = numberCells(block, "loki");
    const found = keys.map((_, i) => textsCells(block, `found${i}`));
    return (at) => ({ isLoki: isLoki(at) > 0, found: found.map((cell) => cell(at)) });
  });
  let next = 0;
  const fields = named.map((field) => {
    const found = keyOf(field) === undefined ? undefined : row?.found[next++];
    if (found === undefined || (field.kind !== "escaped" && field.kind !== "level_label"))
      return field;
    return { ...field, places: logPlaces.filter((place) => found.includes(place)) };
  });
  return { isLokiThere: row?.isLoki ?? false, fields };
}

/** The key that alone the field asks for. */
function keyOf(field: LogField): string | undefined {
  const isNamed = field.kind === "escaped" || field.kind === "level_label";
  return isNamed && isOwnKey(field.name) ? field.name : undefined;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** What a group takes beside its values. */
const BYTES_PER_GROUP = 600;
/** Two sums, then a value and whether there is one. */
const BYTES_PER_STEP = 25;

interface Sums {
  readonly names: readonly string[];
  readonly lines: Float64Array;
  readonly values: Float64Array;
}

async function windowsOf(
  blocks: Parameters<typeof numberCells>[0][] | readonly Parameters<typeof numberCells>[0][],
  { bytes, rangeNs, stepNs, steps }: CountQuestion,
  slots: { slotNs: bigint; labels: readonly string[]; ask: LogAsk },
): Promise<CountRow[]> {
  const perRange = Number(rangeNs / slots.slotNs);
  const perStep = Number(stepNs / slots.slotNs);
  const pacing = createPacing(slots.ask.signal, slots.ask.priority);
  const groups = new Map<string, Sums>();
  let rows = 0;
  for (const block of blocks) {
    if (block.rows === 0) continue;
    const slotAt = numberCells(block, "slot");
    const foundAt = textsCells(block, "found");
    const linesAt = numberCells(block, "lines");
    const bytesAt = numberCells(block, "bytes");
    rows += block.rows;
    if (rows > ROWS_MAX)
      throw new TriptychError(
        "query_limit",
        `maximum of series (${ROWS_MAX}) reached for a single query`,
      );
    for (let row = 0; row < block.rows; row++) {
      const names = foundAt(row);
      const key = names.join("\u{1}");
      let sums = groups.get(key);
      if (sums === undefined) {
        slots.ask.memory?.take(BYTES_PER_GROUP + steps * BYTES_PER_STEP);
        sums = { names, lines: new Float64Array(steps + 1), values: new Float64Array(steps + 1) };
        groups.set(key, sums);
      }
      const slot = slotAt(row);
      // Of one instant there is one window; of several, all that begin at or before the slot and end behind it.
      const from = steps === 1 ? 0 : Math.max(0, Math.ceil((slot + 1 - perRange) / perStep));
      const to = steps === 1 ? 0 : Math.min(steps - 1, Math.floor(slot / perStep));
      if (from <= to)
        addWindows(sums, { from, to }, [linesAt(row), bytes ? bytesAt(row) : linesAt(row)]);
      if (row % ROWS_PER_PAUSE === 0) await pacing.pause();
    }
  }
  return [...groups.values()].map((sums) => finished(sums, slots.labels, steps));
}

function addWindows(
  { lines, values }: Sums,
  { from, to }: { readonly from: number; readonly to: number },
  [count, value]: readonly [number, number],
): void {
  lines[from] = (lines[from] as number) + count;
  lines[to + 1] = (lines[to + 1] as number) - count;
  values[from] = (values[from] as number) + value;
  values[to + 1] = (values[to + 1] as number) - value;
}

function finished(sums: Sums, labels: readonly string[], steps: number): CountRow {
  const has = new Uint8Array(steps);
  const value = new Float64Array(steps);
  let count = 0;
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    count += sums.lines[step] as number;
    sum += sums.values[step] as number;
    has[step] = count > 0 ? 1 : 0;
    value[step] = sum;
  }
  const pairs = labels.map((name, i) => [name, sums.names[i] ?? ""] as const);
  return { labels: labelsFrom(new Map(pairs)), has, value };
}
