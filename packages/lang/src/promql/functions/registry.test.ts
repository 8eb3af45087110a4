import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { functions } from "./registry.ts";
import { anchoredFunctions, smoothedFunctions } from "./shared/extended.ts";
import { signatureOf } from "./spec.ts";

test("each function has a file with its name, and each file is listed, by name", () => {
  const names = functions.map(({ name }) => name);
  expect(names).toEqual([...names].sort());
  const files = readdirSync(new URL(".", import.meta.url))
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => !/^(?:registry|spec)\.|\.test\./.test(name));
  expect(names.map((name) => `${name.replaceAll("_", "-")}.ts`).sort()).toEqual(files.sort());
});

test("docs are sentences, and all arguments are named", () => {
  const wrong = functions.filter(({ doc, args, params, name, example }) => {
    const isText = doc.length > 0 && doc.every((sentence) => /^[A-Z0-9`-].*\.$/.test(sentence));
    return !isText || args.length !== params.length || !example.includes(`${name}(`);
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});

test("functions that take extended ranges are those that messages name", () => {
  const taking = (extended: "anchored" | "smoothed"): string[] =>
    functions.filter((spec) => spec.extended.includes(extended)).map(({ name }) => name);
  expect(taking("anchored")).toEqual([...anchoredFunctions]);
  expect(taking("smoothed")).toEqual([...smoothedFunctions]);
});

test.each([
  ["abs", "abs(v instant-vector)"],
  ["round", "round(v instant-vector, [nearest scalar])"],
  ["hour", "hour([v instant-vector])"],
  ["pi", "pi()"],
  ["sort_by_label", "sort_by_label(v instant-vector, [label string, …])"],
])("signature of %s", (name, want) => {
  const spec = functions.find((one) => one.name === name);
  expect(spec === undefined ? "" : signatureOf(spec)).toBe(want);
});
