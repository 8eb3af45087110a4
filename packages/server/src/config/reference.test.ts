import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configurationPage, errorsPage } from "./reference.ts";

/** `UPDATE_DOCS=1 npm test -- unit` writes the pages anew. */
const check = (name: string, page: () => string) =>
  test(`docs/reference/${name} is what the code says`, () => {
    const file = new URL(`../../../../docs/reference/${name}`, import.meta.url);
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, page());
    expect(readFileSync(file, "utf8")).toBe(page());
  });
check("configuration.md", configurationPage);
check("errors.md", errorsPage);
