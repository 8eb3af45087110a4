import { describe, expect, test } from "vitest";
import { changeParams, frameOf, many, one, parseParams, printParams } from "./params.ts";

describe("round trip", () => {
  for (const text of [
    "",
    "?last=1h",
    "?attr=span.a%3D1&attr=any.b%21%3D2",
    "?find=a+b%26c",
    "?from=2026-03-12T14:00:00Z",
  ]) {
    test(text || "nothing", () => expect(printParams(parseParams(text))).toBe(text));
  }
});
test("one of many", () => expect(one({ a: ["1", "2"] }, "a")).toBe("1"));
test("many of one", () => expect(many({ a: "1" }, "a")).toEqual(["1"]));
test("none", () => expect([one({}, "a"), many({ a: "" }, "a")]).toEqual([undefined, []]));
test("names of Object are just names", () =>
  expect(many(parseParams("?__proto__=1&constructor=2"), "constructor")).toEqual(["2"]));
test("change sets and removes", () =>
  expect(changeParams({ a: "1", b: "2" }, { a: undefined, c: ["3"] })).toEqual({
    b: "2",
    c: ["3"],
  }));
test("links keep the time", () =>
  expect(frameOf({ last: "1h", service: "x" })).toEqual({ last: "1h" }));
