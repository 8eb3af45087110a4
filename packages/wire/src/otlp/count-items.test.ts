/** Items are counted without being read, and what is malformed costs nothing more. */
import { expect, test } from "vitest";
import { countItems } from "./protobuf-walk.ts";

const field = (tag: number, ...parts: readonly (readonly number[])[]): number[] => {
  const bytes = parts.flat();
  return [tag, bytes.length, ...bytes];
};
const item = field(18, [9, 9, 9]);
const scope = field(18, field(10, []), item, item, field(26, [1]), item);

test("items of all resources and scopes", () => {
  const body = Uint8Array.from([
    ...field(10, field(10, []), scope, scope),
    ...field(26, [1, 2]),
    ...field(10, scope),
  ]);
  expect(countItems(body, 100)).toBe(9);
  expect(countItems(body, 4)).toBe(4);
  expect(countItems(new Uint8Array(0), 100)).toBe(0);
});

test("what is cut off or not protobuf ends the count", () => {
  const body = Uint8Array.from(field(10, scope, scope));
  for (let end = 0; end < body.length; end++)
    expect(countItems(body.subarray(0, end), 100)).toBeLessThanOrEqual(6);
  expect(countItems(new Uint8Array(1_000).fill(0xff), 100)).toBe(0);
  // Many fields that are no items: the search for items is bounded.
  expect(countItems(new Uint8Array(1_000_000).fill(8), 100)).toBe(0);
});
