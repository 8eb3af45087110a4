import { expect, test } from "vitest";
import { createPriorityLine } from "./priority-line.ts";

test("rules go first, then short queries, then long ones", () => {
  const line = createPriorityLine<string>();
  line.push("long", "long");
  line.push("a", "interactive");
  line.push("rule", "rules");
  expect(line.length).toBe(3);
  expect([1, 2, 3, 4].map(() => line.shift())).toEqual(["rule", "a", "long", undefined]);
});

test("who is passed over twice is next", () => {
  const line = createPriorityLine<string>();
  for (let i = 0; i < 20; i++) line.push("rule", "rules");
  for (let i = 0; i < 3; i++) line.push("query", "interactive");
  line.push("long", "long");
  const order = Array.from({ length: 12 }, () => line.shift());
  expect(order.filter((one) => one === "rule")).toHaveLength(8);
  expect(order.indexOf("long")).toBe(2);
  expect(order.indexOf("query")).toBe(3);
});

test("those who left are not called, and a class can be left out", () => {
  const line = createPriorityLine<string>();
  line.push("query", "interactive");
  line.push("rule", "rules");
  line.remove("rule");
  expect(line.shift((priority) => priority === "rules")).toBeUndefined();
  expect(line.shift()).toBe("query");
  expect(line.length).toBe(0);
});
