/** How many bytes of lines there are, by labels and time. */
import type { Engine } from "../../store/clickhouse/engine.ts";
import { logStatsSql, type Slots, volumeSql } from "../../store/clickhouse/select/logs-counts.ts";
import { mapCells, numberCells, readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import { indexedAttributes, type Labels, labelsOf, streamPairs } from "./loki-labels.ts";
import type { LogAsk, LogFilter } from "./source.ts";

export interface LogStats {
  readonly streams: number;
  readonly chunks: number;
  readonly entries: number;
  readonly bytes: number;
}

export async function logStats(engine: Engine, filter: LogFilter, ask: LogAsk): Promise<LogStats> {
  const result = await engine.select(logStatsSql(filter), { signal: ask.signal });
  const [stats] = readRows(result, (block) => {
    const streams = numberCells(block, "streams");
    const lines = numberCells(block, "lines");
    const bytes = numberCells(block, "bytes");
    const parts = numberCells(block, "parts");
    return (row) => ({
      streams: streams(row),
      chunks: parts(row),
      entries: lines(row),
      bytes: bytes(row),
    });
  });
  return stats ?? { streams: 0, chunks: 0, entries: 0, bytes: 0 };
}

export interface Volume {
  readonly labels: Labels;
  /** Bytes by slot. */
  readonly slots: ReadonlyMap<number, number>;
  readonly bytes: number;
}

const ROWS_MAX = 100_000;

export interface VolumeQuestion extends LogFilter {
  readonly slots: Slots;
  /** Which labels make a volume; all when absent. */
  readonly labels: ReadonlySet<string> | undefined;
  /** Each label for itself instead of streams. */
  readonly byLabel: boolean;
}

/** Most bytes first; of equal ones by their labels. */
export async function logVolumes(
  engine: Engine,
  question: VolumeQuestion,
  ask: LogAsk,
): Promise<Volume[]> {
  const sql = volumeSql(question, indexedAttributes, { slots: question.slots, limit: ROWS_MAX });
  const result = await engine.select(sql, { signal: ask.signal });
  const volumes = new Map<string, { labels: Labels; slots: Map<number, number>; bytes: number }>();
  const add = (labels: Labels, slot: number, bytes: number): void => {
    const key = JSON.stringify(labels);
    const volume = volumes.get(key) ?? { labels, slots: new Map<number, number>(), bytes: 0 };
    volume.slots.set(slot, (volume.slots.get(slot) ?? 0) + bytes);
    volume.bytes += bytes;
    volumes.set(key, volume);
  };
  readRows(result, (block) => {
    const slot = numberCells(block, "slot");
    const service = textCells(block, "service");
    const schema = textCells(block, "schema");
    const found = mapCells(block, "found");
    const bytes = numberCells(block, "bytes");
    return (row) => {
      const pairs = streamPairs(service(row), found(row), schema(row)).filter(
        ([name]) => question.labels === undefined || question.labels.has(name),
      );
      if (question.byLabel) for (const [name] of pairs) add({ [name]: "" }, slot(row), bytes(row));
      else if (pairs.length > 0) add(labelsOf(pairs), slot(row), bytes(row));
    };
  });
  return [...volumes]
    .sort(([a, { bytes: left }], [b, { bytes: right }]) => right - left || (a < b ? -1 : 1))
    .map(([, volume]) => volume);
}
