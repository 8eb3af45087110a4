import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createLineDelay } from "./line-delay.ts";

const at = (...times: readonly number[]) => times.map((time) => ({ timeNs: BigInt(time) }));

test("an earlier line that comes later goes first", async () => {
  const clock = createSimClock(1_700_000_000_000);
  const signal = new AbortController();
  const seen: number[][] = [];
  const take = (lines: readonly { readonly timeNs: bigint }[]): void =>
    void seen.push(lines.map(({ timeNs }) => Number(timeNs)));
  const arrived = createLineDelay(clock, { delayMs: 2_000, signal: signal.signal }, take);
  arrived(at(5, 7));
  await clock.advance(1_000);
  arrived(at(6, 9));
  expect(seen).toEqual([]);
  await clock.advance(1_000);
  expect(seen).toEqual([[5, 6, 7]]);
  await clock.advance(1_000);
  expect(seen).toEqual([[5, 6, 7], [9]]);
  arrived(at(10));
  signal.abort();
  await clock.advance(5_000);
  expect(seen).toHaveLength(2);
});

test("without a delay they go at once", () => {
  const clock = createSimClock(1_700_000_000_000);
  let count = 0;
  const options = { delayMs: 0, signal: new AbortController().signal };
  createLineDelay(clock, options, (lines) => {
    count += lines.length;
  })(at(1, 2));
  expect(count).toBe(2);
});
