import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { collectGarbageNear } from "./collect-garbage.ts";

test("collects near the limit, and not again until there is more to collect", async () => {
  const clock = createSimClock();
  const MiB = 1024 * 1024;
  let used = 0;
  let arrays = 500 * MiB;
  let collected = 0;
  const stop = collectGarbageNear({
    clock,
    usedBytes: () => used,
    aboveBytes: 1_000 * MiB,
    arrayBytes: () => arrays,
    collect: () => {
      collected++;
      arrays = Math.min(arrays, 400 * MiB);
    },
  });
  const after = async (): Promise<number> => {
    await clock.advance(2_000);
    return collected;
  };
  expect(await after(), "far from the limit").toBe(0);
  used = 1_001 * MiB;
  expect(await after()).toBe(1);
  expect(await after(), "what is left is in use").toBe(1);
  arrays = 470 * MiB;
  expect(await after()).toBe(2);
  stop();
});
