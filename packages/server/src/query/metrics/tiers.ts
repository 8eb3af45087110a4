/**
 * Where the samples of a stretch of time are read from: the finest that is there for each day. Days whose samples
 * retention has taken are answered from what was made of them.
 */
import { numberCells, readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import { type Tier, tierMs, tiersSql } from "../../store/clickhouse/select/tiers.ts";
import type { SampleRange, TierRange } from "../../store/clickhouse/select/samples.ts";
import type { Select } from "./store-select.ts";

export interface Tiers {
  /** The range in pieces, ascending in time. */
  pieces(range: SampleRange): Promise<readonly TierRange[]>;
  /** The coarsest of the range; 0 when all of it is samples. */
  coarsestMs(range: SampleRange): Promise<number>;
  /** Rows of all series on the days of the range, as far as was known a minute ago: to plan with, not to rely on. */
  rows(range: SampleRange): Promise<number>;
}

const DAY_MS = 86_400_000;
const KNOWN_MS = 60_000;
const order: readonly Tier[] = ["samples", "samples_5m", "samples_1h"];

export function createTiers(select: Select): Tiers {
  let days: Days = { coarse: new Map(), rows: new Map() };
  let asking: Promise<Days> | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  const known = (): Promise<Days> | Days => {
    // The process's monotonic time: how old the answer is, not a time of data.
    if (performance.now() - askedMs < KNOWN_MS) return days;
    asking ??= readDays(select)
      .then((found) => {
        days = found;
        askedMs = performance.now();
        return found;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  const pieces = async (range: SampleRange): Promise<readonly TierRange[]> => {
    const { coarse } = await known();
    const whole = { ...range, tier: "samples" } as const;
    if (coarse.size === 0 || range.afterMs >= Math.max(...coarse.keys()) + DAY_MS) return [whole];
    const out: TierRange[] = [];
    let afterMs = range.afterMs;
    while (afterMs < range.toMs) {
      const day = Math.floor((afterMs + 1) / DAY_MS) * DAY_MS;
      const toMs = Math.min(range.toMs, day + DAY_MS - 1);
      const tier = coarse.get(day) ?? "samples";
      const last = out.at(-1);
      if (last?.tier === tier) out[out.length - 1] = { ...last, toMs };
      else out.push({ tier, afterMs, toMs });
      afterMs = toMs;
    }
    return out.length === 0 ? [whole] : out;
  };
  return {
    pieces,
    coarsestMs: async (range) =>
      (await pieces(range)).reduce((max, { tier }) => Math.max(max, tierMs[tier]), 0),
    async rows({ afterMs, toMs }) {
      let rows = 0;
      for (const [day, count] of (await known()).rows)
        if (day + DAY_MS > afterMs && day <= toMs) rows += count;
      return rows;
    },
  };
}

interface Days {
  /** The beginnings of days that are not kept as samples, with the finest tier there is. */
  readonly coarse: ReadonlyMap<number, Tier>;
  /** Rows of each day, of all tiers. */
  readonly rows: ReadonlyMap<number, number>;
}

async function readDays(select: Select): Promise<Days> {
  const result = await select(tiersSql(), {});
  const rows = new Map<string, Partial<Record<Tier, number>>>();
  const all = readRows(result, (block) => {
    const day = textCells(block, "day");
    const tier = textCells(block, "tier");
    const count = numberCells(block, "rows");
    return (row) => ({ day: day(row), tier: tier(row) as Tier, count: count(row) });
  });
  for (const { day, tier, count } of all) {
    const one = rows.get(day) ?? {};
    rows.set(day, one);
    one[tier] = count;
  }
  const coarse = new Map<number, Tier>();
  const perDay = new Map<number, number>();
  for (const [day, counts] of rows) {
    const startMs = Date.UTC(
      Number(day.slice(0, 4)),
      Number(day.slice(4, 6)) - 1,
      Number(day.slice(6, 8)),
    );
    perDay.set(
      startMs,
      order.reduce((sum, name) => sum + (counts[name] ?? 0), 0),
    );
    // A few samples that came after the rest was dropped do not make a day of samples.
    const fiveMinutes = counts.samples_5m ?? 0;
    const hasSamples = (counts.samples ?? 0) > 0 && (counts.samples ?? 0) >= fiveMinutes;
    if (hasSamples) continue;
    const tier = order.find((name) => name !== "samples" && (counts[name] ?? 0) > 0);
    if (tier !== undefined) coarse.set(startMs, tier);
  }
  return { coarse, rows: perDay };
}
