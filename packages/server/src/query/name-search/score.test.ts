import { describe, expect, test } from "vitest";
import { jaroWinkler, nameTest, subsequenceScore } from "./score.ts";

describe("scores", () => {
  const sub = (term: string, name: string, want: number) =>
    test(`subsequence ${term} in ${name}`, () =>
      expect(subsequenceScore([...term], [...name])).toBeCloseTo(want, 9));
  sub("abc", "abc", 1);
  sub("xyz", "abc", 0);
  // One run of three of six characters, three behind it.
  sub("abc", "abcdef", ((9 - 3 / 12) / 9) * 0.999);
  // Runs of one and two, two characters between them.
  sub("abc", "axxbc", ((1 + 4 - 2 / 5) / 9) * 0.999);
  sub("ä", "bä", (1 - 1 / 2) * 0.999);
  const jaro = (a: string, b: string, want: number) =>
    test(`Jaro-Winkler of ${a} and ${b}`, () =>
      expect(jaroWinkler([...a], [...b])).toBeCloseTo(want, 6));
  // The examples everybody gives.
  jaro("MARTHA", "MARHTA", 0.961111);
  jaro("DIXON", "DICKSONX", 0.813333);
  jaro("a", "b", 0);
});

describe("tests", () => {
  const base = { algorithm: "subsequence", threshold: 0, caseSensitive: true } as const;
  const check = (
    what: string,
    search: Partial<Parameters<typeof nameTest>[0]> & { readonly terms: readonly string[] },
    name: string,
    want: number | undefined,
  ) => test(what, () => expect(nameTest({ ...base, ...search })(name)).toBe(want));
  check("no terms", { terms: [""] }, "up", 1);
  check("a beginning is perfect", { terms: ["htt"] }, "http_requests", 1);
  check("letters out of order", { terms: ["zh"] }, "http", undefined);
  check("case", { terms: ["UP"] }, "up", undefined);
  check("no case", { terms: ["UP"], caseSensitive: false }, "up", 1);
  check("one of two", { terms: ["zz", "up"] }, "up", 1);
  check("below the threshold", { terms: ["hs"], threshold: 0.9 }, "http_requests", undefined);
  check("a part", { terms: ["cd"], algorithm: "jarowinkler" }, "abcd", 1 - 0.9);
  check(
    "alike, not asked for",
    { terms: ["martha"], algorithm: "jarowinkler" },
    "marhta",
    undefined,
  );
});
