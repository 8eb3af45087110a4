/** Log queries over a golden log, by the number of lines that they find. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits } from "@triptych/model";
import { decodeOtlpLogs, drain } from "@triptych/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseLogQuery } from "@triptych/lang";
import { createTestClock, openTestStore, type TestStore } from "../../store/store-for-tests.ts";
import { runLogQuery } from "./run-logs.ts";

const root = new URL("../../../../../", import.meta.url).pathname;
const published = join(root, "../shared/conformance");
const casesFile = join(published, "oteldb-derived/lokie2e_log_queries.json");
const logsFile = join(published, "oteldb/integration/lokie2e/_golden/logs.yml");
const isThere = existsSync(casesFile) && existsSync(logsFile);

interface Case {
  readonly query: string;
  readonly entries: number;
}
const exceptions = JSON.parse(readFileSync(join(root, "corpus/logql/exceptions.json"), "utf8")) as {
  readonly queries: readonly { readonly input: string; readonly reason: string }[];
};
const excepted = new Set(exceptions.queries.map((one) => one.input));
const cases = isThere
  ? (JSON.parse(readFileSync(casesFile, "utf8")) as { cases: Case[] }).cases
  : [];

test.skipIf(isThere)("skipped: ../shared/conformance is not there", () => {
  expect(cases).toEqual([]);
});

describe.skipIf(!isThere)("queries over the golden log", () => {
  const clock = createTestClock(1_609_459_300_000);
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(clock);
    for (const document of parseAllDocuments(readFileSync(logsFile, "utf8"))) {
      const body = new TextEncoder().encode(JSON.stringify(document.toJS()));
      const options = { limits: defaultLimits, arrivalNs: 1n };
      await store.put(drain(decodeOtlpLogs(body, "json", options)).batch);
    }
  }, 60_000);
  afterAll(() => store.close());

  /** Attributes of lines are no labels of streams to Loki: what the selector asks of them becomes a condition. */
  const asLoki = (query: string): string => {
    const selector = /^\{([^}]*)\}/.exec(query)?.[1] ?? "";
    const conditions = selector.split(/,(?=[a-z"])/).map((one) => `| ${one}`);
    return `{service_name=~".+"} ${conditions.join(" ")} ${query.slice(selector.length + 2)}`;
  };

  for (const { query, entries } of cases)
    test(query, async () => {
      const range = { fromNs: 0n, toNs: 2_000_000_000_000_000_000n };
      let found: number | string;
      try {
        const question = { query: parseLogQuery(asLoki(query)), range, limit: 1000 };
        const newest = await runLogQuery(
          { engine: store.engine, clock },
          { ...question, order: "newest" },
          {},
        );
        const oldest = await runLogQuery(
          { engine: store.engine, clock },
          { ...question, order: "oldest" },
          {},
        );
        expect(newest.map((line) => line.text).reverse()).toEqual(oldest.map((line) => line.text));
        found = newest.length;
      } catch (error) {
        found = (error as Error).message;
      }
      if (excepted.has(query)) expect(found).not.toBe(entries);
      else expect(found).toBe(entries);
    });
});
