import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { chooseShards, type ShardLoad } from "./shard-count.ts";

const load: ShardLoad = {
  shards: 2,
  shardsMin: 1,
  shardsMax: 10,
  inPerSecond: 1000,
  outPerSecond: 1000,
  droppedPerSecond: 0,
  sendingPerSecond: 2,
  behindSeconds: 0,
};
const check = (title: string, given: Partial<ShardLoad>, want: number) =>
  test(title, () => expect(chooseShards({ ...load, ...given }).shards).toBe(want));
check("as many as seconds of sending in a second", {}, 2);
check("twice the samples take twice the shards", { inPerSecond: 2000 }, 4);
check("a little more changes nothing", { shards: 5, sendingPerSecond: 5, inPerSecond: 1200 }, 5);
check("being behind asks for more", { behindSeconds: 20 }, 4);
check("never more than allowed", { inPerSecond: 1e6 }, 10);
check("fewer when there is less to send", { shards: 8, inPerSecond: 500 }, 1);
check("but not while behind", { shards: 8, inPerSecond: 500, behindSeconds: 11 }, 8);
check("what is dropped needs no shard", { droppedPerSecond: 1000 }, 1);
check("nothing sent tells nothing", { outPerSecond: 0 }, 2);

test("pauses", () => {
  const wait = (attempt: number, retryAfter?: string): number =>
    backoffMs({ minMs: 30, maxMs: 5000 }, attempt, { retryAfter, nowMs: 0, random: 0.5 });
  expect([wait(0), wait(1), wait(20), wait(0, "3"), wait(0, "999999"), wait(0, "x")]).toEqual([
    30, 60, 5000, 3000, 300_000, 30,
  ]);
  expect(wait(0, new Date(4000).toUTCString())).toBe(4000);
});
