import { readFileSync, writeFileSync } from "node:fs";
import { createPromqlExamples, promqlExamples, promqlPage } from "@triptych/lang";
import { expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";

const run = createPromqlExamples(compileRegex);

/** `UPDATE_DOCS=1 npm test -- unit` writes the page anew. */
test("docs/reference/promql.md is what the code says", async () => {
  const file = new URL("../../../../../docs/reference/promql.md", import.meta.url);
  const page = await promqlPage(run);
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, page);
  expect(readFileSync(file, "utf8")).toBe(page);
});

test("every example is a query that gives something", async () => {
  const empty: string[] = [];
  for (const example of promqlExamples) if ((await run(example)).length === 0) empty.push(example);
  expect(empty).toEqual([]);
});
