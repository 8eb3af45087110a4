import { describe, expect, test } from "vitest";
import { type Partition, partitionsToDrop, type RetentionRules } from "./retention.ts";

const nowMs = Date.UTC(2026, 10, 21);
const DAY_MS = 86_400_000;
const part = (table: string, day: number, bytes: number, writtenDaysAgo: number): Partition => ({
  table,
  day,
  bytes,
  writtenMs: nowMs - writtenDaysAgo * DAY_MS,
});
const keep = { days: 0, bytesMax: 0 };

describe("partitions to drop", () => {
  const check = (
    name: string,
    partitions: Partition[],
    rules: Partial<RetentionRules>,
    want: string[],
  ) =>
    test(name, () => {
      const drops = partitionsToDrop(
        partitions,
        {
          traces: keep,
          logs: keep,
          metrics: keep,
          metrics5m: keep,
          metrics1h: keep,
          ...rules,
        },
        nowMs,
      );
      expect(drops.map(({ table, day, reason }) => `${table} ${day} ${reason}`)).toEqual(want);
    });
  const old = part("otel_traces", 20261101, 10, 19);
  const lookup = part("otel_traces_trace_id_ts", 20261101, 1, 19);
  const young = part("otel_traces", 20261120, 10, 1);
  check("none without rules", [old, young], {}, []);
  check(
    "by age, lookup rows with their spans",
    [old, lookup, young],
    { traces: { days: 14, bytesMax: 0 } },
    ["otel_traces 20261101 age", "otel_traces_trace_id_ts 20261101 age"],
  );
  check(
    "an import of old data is not eaten as it arrives",
    [part("otel_traces", 20170101, 10, 0)],
    { traces: { days: 14, bytesMax: 0 } },
    [],
  );
  const days = (count: number) => ({ days: count, bytesMax: 0 });
  check(
    "labels of series as long as any samples of theirs",
    [
      part("series", 20260101, 1, 300),
      part("samples", 20260901, 1, 80),
      part("samples_1h", 20260901, 1, 80),
      part("series", 20260901, 1, 80),
    ],
    { metrics: days(30), metrics5m: days(60), metrics1h: days(300) },
    ["samples 20260901 age", "series 20260101 age"],
  );
  check(
    "the last day of the age is kept",
    [part("otel_logs", 20261107, 1, 14)],
    { logs: { days: 14, bytesMax: 0 } },
    [],
  );
  check(
    "by bytes, oldest day first, never the newest",
    [young, old, lookup],
    { traces: { days: 0, bytesMax: 5 } },
    ["otel_traces 20261101 bytes", "otel_traces_trace_id_ts 20261101 bytes"],
  );
  check("other signals are left alone", [old], { logs: { days: 1, bytesMax: 1 } }, []);
});
