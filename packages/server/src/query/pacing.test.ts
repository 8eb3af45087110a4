/** Who works in pieces takes turns, and other work gets in between any two of them. */
import { expect, test } from "vitest";
import { createPacing, turn } from "./pacing.ts";

test("one piece in each turn of the event loop, in the order they asked", async () => {
  const seen: string[] = [];
  let loops = 0;
  let running = true;
  const count = (): void => {
    loops++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const worker = async (name: string): Promise<void> => {
    for (let piece = 0; piece < 3; piece++) {
      await turn();
      seen.push(`${name}${piece}@${loops}`);
    }
  };
  await Promise.all(["a", "b", "c"].map(worker));
  running = false;
  expect(seen.map((one) => one.split("@")[0])).toEqual([
    "a0",
    "b0",
    "c0",
    "a1",
    "b1",
    "c1",
    "a2",
    "b2",
    "c2",
  ]);
  expect(new Set(seen.map((one) => one.split("@")[1])).size, "each in a turn of its own").toBe(9);
});

test("one that nobody waits for ends when its turn comes, and the next goes on", async () => {
  const abort = new AbortController();
  const pacing = createPacing(abort.signal);
  const started = performance.now();
  while (performance.now() - started < 9);
  const pause = pacing.pause();
  const other = turn();
  abort.abort();
  await expect(pause).rejects.toMatchObject({ code: "query_cancelled" });
  await other;
});
