import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { testTraceql } from "./test-traceql.ts";

const root = new URL("../../../../", import.meta.url).pathname;
const own = join(root, "corpus/traceql");
const published = join(root, "../shared/conformance");

async function told(file: string): Promise<{ failed: number; passed: number; text: string }> {
  let text = "";
  const verdict = await testTraceql(file, {
    out: () => {},
    err: (line) => {
      text += line;
    },
  });
  return { ...verdict, text };
}

describe("our scripts", () => {
  for (const name of readdirSync(own).filter((file) => file.endsWith(".test")))
    test(name, async () => {
      const { failed, passed, text } = await told(join(own, name));
      expect(text).toBe("");
      expect(failed).toBe(0);
      expect(passed).toBeGreaterThan(0);
    });
});

describe.skipIf(!existsSync(published))("published cases", () => {
  const check = (file: string, failed: number) =>
    test(file, async () => {
      const verdict = await told(join(published, file));
      expect(verdict.failed, verdict.text).toBe(failed);
    });
  check("tempo-agpl/pkg/traceql/test_examples.yaml", 0);
  check("traceql-parse-agpl/traceql_parse.json", 0);
  check("traceql-exec-agpl/search_cases.json", 0);
  // The one of corpus/traceql/exceptions.json.
  check("oteldb-derived/traceql_parse.json", 1);
  check("oteldb-derived/tempoe2e_traceql_search.json", 0);
});

test.skipIf(existsSync(published))("skipped: ../shared/conformance is not there", () => {
  expect(existsSync(published)).toBe(false);
});
