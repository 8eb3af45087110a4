/** The examples of the guide are configurations that are taken. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { logSourceFields } from "./log-sources-schema.ts";
import { nativePlans } from "./promtail/native-stages.ts";

const GUIDE = join(import.meta.dirname, "../../../../docs/guide/log-files.md");

test("examples of docs/guide/log-files.md", () => {
  const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/```yaml\n(.*?)```/gs)];
  expect(blocks.length).toBeGreaterThan(3);
  for (const [, block] of blocks) {
    const config = z.strictObject(logSourceFields).parse(parse(block as string));
    for (const one of config.files) expect(nativePlans("files", one).length).toBeGreaterThan(0);
  }
});
