import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createHashWindow } from "./hash-window.ts";

const hash = (value: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(3, value);
  return bytes;
};
const MINUTE = 60_000;

test("a request is found while it is made durable and for ten minutes after", async () => {
  const clock = createSimClock();
  const window = createHashWindow(clock);
  let durable = (): void => {};
  window.begin(hash(1), new Promise((resolve) => (durable = resolve)));
  expect(window.find(hash(2))).toBeNull();
  expect(window.find(hash(1))).not.toBeNull();
  expect(window.entries(), "not durable yet").toEqual([]);
  durable();
  await clock.advance(9 * MINUTE);
  await expect(window.find(hash(1))).resolves.toBeUndefined();
  expect(window.entries()).toHaveLength(1);
  await clock.advance(2 * MINUTE);
  expect(window.find(hash(1))).toBeNull();
});

test("a request that failed is forgotten, its resend is not", async () => {
  const clock = createSimClock();
  const window = createHashWindow(clock);
  const failed = Promise.reject(new Error("disk"));
  failed.catch(() => {});
  window.begin(hash(1), failed);
  await expect(window.find(hash(1))).rejects.toThrow("disk");
  window.begin(hash(1), Promise.resolve());
  await clock.advance(0);
  await expect(window.find(hash(1))).resolves.toBeUndefined();
});

test("restored hashes are known with their own age, and survive in the entries", async () => {
  const clock = createSimClock();
  const window = createHashWindow(clock);
  window.restore(hash(1), clock.nowMs() - 9 * MINUTE);
  window.restore(hash(2), clock.nowMs());
  expect(window.entries().map((entry) => entry.hash)).toEqual([hash(1), hash(2)]);
  await clock.advance(2 * MINUTE);
  expect(window.find(hash(1))).toBeNull();
  await expect(window.find(hash(2))).resolves.toBeUndefined();
});

test("the window is bounded; the oldest go first", () => {
  const window = createHashWindow(createSimClock());
  for (let i = 0; i < 100_500; i++) window.restore(hash(i), 1_700_000_000_000);
  expect(window.entries()).toHaveLength(100_000);
  expect(window.find(hash(499))).toBeNull();
  expect(window.find(hash(500))).not.toBeNull();
});
