import { LogBatch, SampleBatch, TriptychError } from "@triptych/model";
import { expect, test } from "vitest";
import { createLimitDays } from "./limit-days.ts";

const DAY_NS = 86_400_000_000_000n;

function logs(days: number): LogBatch {
  const batch = new LogBatch();
  for (let day = 0; day < days; day++) batch.timeNs[batch.addRow()] = BigInt(day) * DAY_NS;
  return batch;
}

const verdict = (batch: LogBatch | SampleBatch): string => {
  try {
    createLimitDays(3).process(batch);
    return "accepted";
  } catch (error) {
    return error instanceof TriptychError ? error.code : String(error);
  }
};
const check = (name: string, batch: LogBatch | SampleBatch, want: string) =>
  test(name, () => expect(verdict(batch)).toBe(want));

check("nothing", new SampleBatch(), "accepted");
check("as many days as allowed", logs(3), "accepted");
check("one day more", logs(4), "wire_too_many_items");
