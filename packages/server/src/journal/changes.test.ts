/** How old what came since a moment is. */
import { LogBatch, SampleBatch } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createChangeLog } from "./changes.ts";

const T = 1_700_000_000_000;
function samplesAt(...times: number[]): SampleBatch {
  const batch = new SampleBatch();
  for (const at of times) batch.samples.add(0, at, 0, 1);
  return batch;
}

function linesAt(...times: bigint[]): LogBatch {
  const batch = new LogBatch();
  for (const at of times) batch.timeNs[batch.addRow()] = at;
  return batch;
}

test("what was in the store at the mark is not counted, what waited for it is", () => {
  let applied = 0;
  const log = createChangeLog(createSimClock(), { applied: () => applied, recovered: () => 0 });
  log.pushed(1, [samplesAt(T)]);
  const before = log.mark();
  if (before === undefined) throw new Error("nothing is recovered");
  expect(log.oldestSince(before, "samples")).toBe(T);
  expect(log.oldestSince(before, "logs")).toBe(Infinity);
  applied = 1;
  const after = log.mark();
  if (after === undefined) throw new Error("nothing is recovered");
  expect(log.oldestSince(after, "samples")).toBe(Infinity);
  log.pushed(2, [samplesAt(T + 5, T - 70_000), linesAt(BigInt(T) * 1_000_000n + 999_999n)]);
  expect(log.oldestSince(after, "samples")).toBe(T - 70_000);
  // A float of nanoseconds is not exact: never later than the line.
  expect(log.oldestSince(after, "logs")).toBeLessThanOrEqual(T);
  expect(log.oldestSince(after, "logs")).toBeGreaterThan(T - 3);
});

test("nothing is known after rows were taken away, or after too long", async () => {
  const clock = createSimClock();
  let applied = 0;
  const log = createChangeLog(clock, { applied: () => applied, recovered: () => 0 });
  const first = log.mark();
  log.forgetAll();
  expect(first !== undefined && log.oldestSince(first, "samples")).toBe(-Infinity);
  const second = log.mark();
  for (let record = 1; record < 1_100; record++) {
    log.pushed(record, [samplesAt(T + record * 1_000)]);
    applied = record;
    await clock.advance(1_000);
  }
  expect(second !== undefined && log.oldestSince(second, "samples")).toBe(-Infinity);
  const third = log.mark();
  expect(third !== undefined && log.oldestSince(third, "samples")).toBe(Infinity);
});

test("there is no mark while rows of an earlier process are missing", () => {
  let applied = 0;
  const log = createChangeLog(createSimClock(), { applied: () => applied, recovered: () => 3 });
  expect(log.mark()).toBeUndefined();
  applied = 3;
  expect(log.mark()).toEqual({ applied: 3, epoch: 0 });
});
