/**
 * Retention by age and by bytes, per signal: whole day partitions are dropped, oldest first, and the result is
 * verified. A day is dropped only when it was also last written long enough ago, so that imported old data is not
 * eaten as it arrives.
 */
import type { Clock } from "@triptych/model";
import type { Engine } from "./engine.ts";
import { constant, sql } from "./sql.ts";
import {
  exemplars,
  histograms,
  histograms1h,
  histograms5m,
  logs,
  samples,
  samples1h,
  samples5m,
  series,
  traces,
  traceTimes,
} from "./tables.ts";

/** `metrics5m` and `metrics1h` are downsampled metrics. */
export type RetentionSignal = "traces" | "logs" | "metrics" | "metrics5m" | "metrics1h";
const signals: readonly RetentionSignal[] = ["traces", "logs", "metrics", "metrics5m", "metrics1h"];

export interface RetentionRule {
  /** Days to keep; 0 keeps for ever. */
  readonly days: number;
  /** Bytes to keep; 0 sets no bound. */
  readonly bytesMax: number;
}
export type RetentionRules = { readonly [signal in RetentionSignal]: RetentionRule };

const tablesOf: { readonly [signal in RetentionSignal]: readonly string[] } = {
  traces: [traces.name, traceTimes.name],
  logs: [logs.name],
  metrics: [samples.name, histograms.name, exemplars.name],
  metrics5m: [samples5m.name, histograms5m.name],
  metrics1h: [samples1h.name, histograms1h.name],
};

/** Data that arrived late is kept at least this long (or as long as the rule says, if that is less). */
const WRITTEN_DAYS_MIN = 7;
const DAY_MS = 86_400_000;

export interface Partition {
  readonly table: string;
  /** 20261121. */
  readonly day: number;
  readonly bytes: number;
  readonly writtenMs: number;
}

export interface DroppedPartition {
  readonly signal: RetentionSignal;
  readonly table: string;
  readonly day: number;
  readonly bytes: number;
  readonly reason: "age" | "bytes" | "disk";
}

/** Which partitions the rules say to drop now; pure. */
export function partitionsToDrop(
  partitions: readonly Partition[],
  rules: RetentionRules,
  nowMs: number,
): DroppedPartition[] {
  const drops: DroppedPartition[] = [];
  for (const signal of signals) {
    const mine = partitions.filter((partition) => tablesOf[signal].includes(partition.table));
    const rule = rules[signal];
    const old = new Set(
      rule.days > 0 ? mine.filter((partition) => isOld(partition, rule.days, nowMs)) : [],
    );
    for (const { table, day, bytes } of old)
      drops.push({ signal, table, day, bytes, reason: "age" });
    if (rule.bytesMax > 0) {
      const rest = mine.filter((partition) => !old.has(partition));
      for (const { table, day, bytes } of overBytes(rest, rule.bytesMax)) {
        drops.push({ signal, table, day, bytes, reason: "bytes" });
      }
    }
  }
  // The labels of series are needed as long as any samples of theirs are kept.
  const { metrics, metrics5m, metrics1h } = rules;
  const kept = [metrics, metrics5m, metrics1h].map(({ days }) => days);
  if (!kept.includes(0))
    for (const one of partitions)
      if (one.table === series.name && isOld(one, Math.max(...kept), nowMs))
        drops.push({
          signal: "metrics",
          table: one.table,
          day: one.day,
          bytes: one.bytes,
          reason: "age",
        });
  return drops;
}

function isOld(partition: Partition, days: number, nowMs: number): boolean {
  const endOfDayMs = dayStartMs(partition.day) + DAY_MS;
  const writtenDays = Math.min(days, WRITTEN_DAYS_MIN);
  return endOfDayMs < nowMs - days * DAY_MS && partition.writtenMs < nowMs - writtenDays * DAY_MS;
}

/** Whole days, all tables of the signal together, oldest first; the newest day is never dropped. */
function overBytes(partitions: readonly Partition[], bytesMax: number): Partition[] {
  let total = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  const days = [...new Set(partitions.map((partition) => partition.day))].sort((a, b) => a - b);
  const drops: Partition[] = [];
  for (const day of days.slice(0, -1)) {
    if (total <= bytesMax) break;
    for (const partition of partitions) {
      if (partition.day !== day) continue;
      drops.push(partition);
      total -= partition.bytes;
    }
  }
  return drops;
}

export function dayStartMs(day: number): number {
  return Date.UTC(Math.floor(day / 10_000), (Math.floor(day / 100) % 100) - 1, day % 100);
}

export async function listPartitions(engine: Engine): Promise<Partition[]> {
  const { blocks } = await engine.select(
    sql`SELECT toString(table), toString(partition_id), sum(bytes_on_disk), toUnixTimestamp(max(modification_time))
        FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table, partition_id`,
  );
  const out: Partition[] = [];
  for (const block of blocks) {
    const [table, id, bytes, written] = block.columns.map((column) => column.data);
    if (
      table?.kind !== "text" ||
      id?.kind !== "text" ||
      bytes?.kind !== "bigint" ||
      written?.kind !== "number"
    )
      continue;
    for (let row = 0; row < block.rows; row++) {
      const day = Number(id.text(row));
      out.push({
        table: table.text(row),
        day: Number.isSafeInteger(day) ? day : 0,
        bytes: Number(bytes.values[row]),
        writtenMs: (written.values[row] as number) * 1000,
      });
    }
  }
  return out;
}

export interface Retention {
  /** Applies the rules once; returns what was dropped and is verified to be gone. */
  run(): Promise<DroppedPartition[]>;
  /** Rules for the next run. */
  setRules(rules: RetentionRules): void;
  /** Drops the oldest day of whichever signal holds the most: the disk is nearly full. */
  relieve(): Promise<DroppedPartition[]>;
}

export function createRetention(deps: {
  engine: Engine;
  clock: Clock;
  rules: RetentionRules;
}): Retention {
  const { engine, clock } = deps;
  let { rules } = deps;
  const drop = async (drops: readonly DroppedPartition[]): Promise<DroppedPartition[]> => {
    for (const { table, day } of drops) {
      await engine.execute(
        `ALTER TABLE ${constant(table).parts[0]} DROP PARTITION ID '${Math.trunc(day)}'`,
      );
    }
    const left = new Set((await listPartitions(engine)).map(({ table, day }) => `${table}/${day}`));
    return drops.filter(({ table, day }) => !left.has(`${table}/${day}`));
  };
  return {
    setRules(changed) {
      rules = changed;
    },
    async run() {
      const drops = partitionsToDrop(await listPartitions(engine), rules, clock.nowMs());
      return drops.length === 0 ? [] : drop(drops);
    },
    async relieve() {
      // Downsampled metrics are old and small: dropping them would free next to nothing.
      const large = [...tablesOf.traces, ...tablesOf.logs, ...tablesOf.metrics];
      const partitions = (await listPartitions(engine)).filter(
        ({ day, table }) => day > 0 && large.includes(table),
      );
      const oldest = Math.min(...partitions.map((partition) => partition.day));
      const newest = Math.max(...partitions.map((partition) => partition.day));
      if (partitions.length === 0 || oldest === newest) return [];
      return drop(
        partitions
          .filter((partition) => partition.day === oldest)
          .flatMap(({ table, day, bytes }) => {
            const signal = signals.find((name) => tablesOf[name].includes(table));
            return signal === undefined
              ? []
              : [{ signal, table, day, bytes, reason: "disk" as const }];
          }),
      );
    },
  };
}
