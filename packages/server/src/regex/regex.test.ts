import { TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { checkPattern, partMatcher, partPattern, wholeMatcher, wholePattern } from "./regex.ts";

describe("forms for the store", () => {
  const check = (pattern: string, whole: string) =>
    test(pattern, () => expect(wholePattern(pattern)).toBe(whole));
  check("a|b", "^(?s:a|b)$");
  check("\\Qa|b", "^(?s:\\Qa|b\\E)$");
  check("\\Qa\\E|b", "^(?s:\\Qa\\E|b)$");
  check("\\\\Qa", "^(?s:\\\\Qa)$");
  check("\\Qa\\E\\Qb", "^(?s:\\Qa\\E\\Qb\\E)$");
  test("anywhere", () => expect(partPattern("a.b")).toBe("(?-s:a.b)"));
});

describe("refused", () => {
  const check = (pattern: string) =>
    test(pattern.slice(0, 20), () => expect(() => checkPattern(pattern, 3)).toThrow(TriptychError));
  check("(");
  check("a**");
  check("(?=a)");
  check("\\1");
  check("[z-a]");
  check("a{1001}");
  check("é".repeat(2049));
});

test("whole and part", () => {
  expect([wholeMatcher("a.c")("a\nc"), wholeMatcher("b")("abc"), wholeMatcher("x*")("")]).toEqual([
    true,
    false,
    true,
  ]);
  expect([partMatcher("a.c")("a\nc"), partMatcher("b")("abc")]).toEqual([false, true]);
});
