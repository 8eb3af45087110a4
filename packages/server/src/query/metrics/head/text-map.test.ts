import { expect, test } from "vitest";
import { TextMap } from "./text-map.ts";

test("before, at and after it is split, it is a map", () => {
  const map = new TextMap<number>();
  const many = 70_000;
  for (let i = 0; i < many; i++) {
    map.set(`pod-${i}`, i);
    if (i % 3 === 0) map.set(`pod-${i}`, -i);
    if (i % 7 === 0) expect(map.delete(`pod-${i}`)).toBe(true);
  }
  expect(map.delete("nothing")).toBe(false);
  let there = 0;
  for (let i = 0; i < many; i++) {
    const wanted = i % 7 === 0 ? undefined : i % 3 === 0 ? -i : i;
    if (wanted !== undefined) there++;
    expect(map.get(`pod-${i}`)).toBe(wanted);
  }
  expect(map.size).toBe(there);
  expect(new Map(map.entries()).size).toBe(there);
  expect(new Set(map.keys()).has("pod-1")).toBe(true);
});
