/** Slots beside a map, over growth, removals and colliding hashes. */
import { expect, test } from "vitest";
import { HashSlots } from "./hash-slots.ts";

function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

function isThere(slots: HashSlots, hash: number, entry: number): boolean {
  for (let found = slots.first(hash); found >= 0; found = slots.next())
    if (found === entry) return true;
  return false;
}

for (const [name, hashOf] of [
  ["spread", (random: number) => random],
  ["colliding", (random: number) => random % 50],
] as const)
  test(`every entry is found at any time, hashes ${name}`, () => {
    const random = randoms(7);
    const slots = new HashSlots();
    const hashes = new Uint32Array(20_000);
    const there = new Set<number>();
    const free: number[] = [];
    let used = 0;
    for (let i = 0; i < (name === "spread" ? 20_000 : 1_500); i++) {
      if (random() % 4 === 0 && there.size > 0) {
        const entry = [...there][random() % there.size] as number;
        slots.remove(hashes[entry] as number, entry);
        there.delete(entry);
        free.push(entry);
      } else {
        const entry = free.length > 0 && random() % 2 === 0 ? (free.shift() as number) : used++;
        hashes[entry] = hashOf(random());
        expect(slots.add(hashes[entry] as number, entry, hashes)).toBe(true);
        there.add(entry);
      }
      const some = random() % used;
      expect(isThere(slots, hashes[some] as number, some)).toBe(there.has(some));
      if (i % 500 > 0) continue;
      for (let entry = 0; entry < used; entry++)
        expect(isThere(slots, hashes[entry] as number, entry)).toBe(there.has(entry));
    }
  });

test("with a bound of probes, what collides finds no place and costs no more", () => {
  const slots = new HashSlots(8);
  const hashes = new Uint32Array(100);
  let placed = 0;
  for (let entry = 0; entry < 100; entry++) if (slots.add(0, entry, hashes)) placed++;
  expect(placed).toBe(8);
  expect(isThere(slots, 0, 3)).toBe(true);
  expect(isThere(slots, 0, 50)).toBe(false);
});
