/**
 * The order of exemplars, as Prometheus wants it: of a series none is older than its newest one, by time, value and
 * labels, unless it is late by less than the window for late samples. The newest one again is left out in silence. What
 * this process has not seen since it started is not known, and taken.
 */
import { labelsFrom, labelsHash } from "@triptych/lang";
import type { SampleBatch, SeriesTable } from "@triptych/model";
import { rewriteExemplars } from "../scrape/compact-batch.ts";

interface Newest {
  readonly timeMs: number;
  readonly value: number;
  readonly hash: bigint;
}

export interface CheckedExemplars {
  /** Those that are older than what is stored of their series. */
  readonly refused: number;
  /** To be called when what is left of the batch is durable. */
  readonly taken: () => void;
}

export interface ExemplarOrder {
  /**
   * Takes out of the batch what comes too late, and what is there already. What has the time of the request, `nowMs`,
   * brought none of its own, and has no place in the order.
   */
  check(batch: SampleBatch, nowMs: number): CheckedExemplars;
}

const UTF8 = new TextDecoder();

export function createExemplarOrder(windowMs: () => number): ExemplarOrder {
  const tables = new WeakMap<SeriesTable, Map<number, Newest>>();
  return {
    check(batch, nowMs) {
      const { exemplars } = batch;
      if (exemplars.rows === 0) return { refused: 0, taken: () => {} };
      const stored = tables.get(batch.series) ?? new Map<number, Newest>();
      tables.set(batch.series, stored);
      const now = new Map<number, Newest>();
      const window = windowMs();
      let refused = 0;
      const gone = new Set<number>();
      for (let row = 0; row < exemplars.rows; row++) {
        if (exemplars.timeMs[row] === nowMs) continue;
        const series = exemplars.series[row] as number;
        const one: Newest = {
          timeMs: exemplars.timeMs[row] as number,
          value: exemplars.value[row] as number,
          hash: hashOf(batch, row),
        };
        const place = placeOf(one, stored.get(series), window);
        if (place === "late") refused++;
        // What only follows the wrong one of its own request is dropped and not told, as in Prometheus.
        const isTaken = place === "next" && placeOf(one, now.get(series), window) === "next";
        if (!isTaken) gone.add(row);
        const newest = now.get(series) ?? stored.get(series);
        const isNewest = newest === undefined || one.timeMs >= newest.timeMs;
        if (isTaken && isNewest) now.set(series, one);
      }
      if (gone.size > 0) rewriteExemplars(batch, (row, series) => (gone.has(row) ? -1 : series));
      return {
        refused,
        taken: () => {
          for (const [series, one] of now) stored.set(series, one);
        },
      };
    },
  };
}

function placeOf(one: Newest, newest: Newest | undefined, windowMs: number) {
  if (newest === undefined) return "next";
  const behindMs = newest.timeMs - one.timeMs;
  if (behindMs > 0) return behindMs >= windowMs ? "late" : "next";
  if (behindMs < 0) return "next";
  if (one.value !== newest.value) return one.value < newest.value ? "late" : "next";
  if (one.hash === newest.hash) return "same";
  return one.hash < newest.hash ? "late" : "next";
}

function hashOf({ exemplars, keys }: SampleBatch, row: number): bigint {
  const { traceId, spanId, attributes } = exemplars;
  const pairs: [string, string][] = [];
  for (const [name, bytes] of [
    ["trace_id", traceId.subarray(row * 16, row * 16 + 16)],
    ["span_id", spanId.subarray(row * 8, row * 8 + 8)],
  ] as const)
    if (bytes.some((byte) => byte !== 0)) pairs.push([name, Buffer.from(bytes).toString("hex")]);
  const { offsets, keys: names, values } = attributes;
  for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++) {
    const text = values.bytes.subarray(values.offsets[i] as number, values.offsets[i + 1]);
    pairs.push([keys.text(names[i] as number), UTF8.decode(text)]);
  }
  return labelsHash(labelsFrom(pairs));
}
