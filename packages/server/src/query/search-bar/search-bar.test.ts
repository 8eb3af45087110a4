import { readFileSync } from "node:fs";
import { quoteKql } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRows, textCells } from "../../store/clickhouse/select/rows.ts";
import {
  openTestStore as openSpanStore,
  otlpOf,
  type TestSpan,
} from "../../store/clickhouse/select/testing.ts";
import { spanCondition } from "../../store/clickhouse/select/traces-filter.ts";
import { sql } from "../../store/clickhouse/sql.ts";
import {
  createTestClock,
  hostileTexts,
  logsOf,
  openTestStore,
  type TestLine,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { createLogSource } from "../logs/source.ts";
import { logsSearch } from "./logs-search.ts";
import { spansSearch } from "./spans-search.ts";
import { narrowed } from "./times.ts";

const nowMs = Date.parse("2026-03-15T12:00:00Z");
const NS = 1_000_000n;
const range = { fromNs: BigInt(nowMs - 6 * 3_600_000) * NS, toNs: BigInt(nowMs + 1_000) * NS };

interface Script {
  readonly items: { readonly name: string; readonly agoMin: number; readonly rest: string }[];
  readonly searches: { readonly search: string; readonly want: string }[];
}

function readScript(name: string): Script {
  const items: Script["items"] = [];
  const searches: Script["searches"] = [];
  const path = new URL(`../../../../../corpus/kql/${name}.kqltest`, import.meta.url);
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const item = /^(?:line|span) (\S+) (\d+) (.*)$/.exec(line);
    const search = /^(.*?) ?(=>.*|!>.*)$/.exec(line);
    if (line === "" || line.startsWith("#")) continue;
    if (item !== null)
      items.push({ name: item[1] ?? "", agoMin: Number(item[2]), rest: item[3] ?? "" });
    else if (search !== null) searches.push({ search: search[1] ?? "", want: search[2] ?? "" });
    else throw new Error(`not understood: ${line}`);
  }
  return { items, searches };
}

const names = (found: readonly string[]): string => ["=>", ...[...found].sort()].join(" ");

function checks(script: Script, find: (search: string) => Promise<readonly string[]>): void {
  const outcome = async (search: string): Promise<string> => {
    try {
      return names(await find(search));
    } catch (error) {
      if (!(error instanceof TriptychError) || error.code !== "query_invalid") throw error;
      return `!> ${error.offset} ${error.message}`;
    }
  };
  for (const { search, want } of script.searches)
    test(search === "" ? "nothing asked" : search, async () => {
      const got = await outcome(search);
      if (want.startsWith("!>")) expect(got.slice(0, want.length)).toBe(want);
      else expect(got).toBe(names(want.slice(3).split(" ").filter(Boolean)));
    });
}

describe("the guide's searches are understood", () => {
  const guide = readFileSync(
    new URL("../../../../../docs/guide/search.md", import.meta.url),
    "utf8",
  );
  for (const [, signal, block = ""] of guide.matchAll(/```kql (logs|traces)\n([\s\S]*?)```/g))
    for (const search of block.trim().split("\n"))
      test(`${signal}: ${search}`, () => {
        if (signal === "logs") logsSearch(search, nowMs);
        else spansSearch(search, nowMs);
      });
});

describe("log lines", () => {
  const script = readScript("logs");
  const bodies = new Map<string, string>();
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(createTestClock(nowMs));
    const lines = script.items.map(({ name, agoMin, rest }): TestLine => {
      const bar = rest.indexOf(" | ");
      const body = rest.slice(bar + 3);
      bodies.set(body, name);
      const timeNs = BigInt(nowMs - agoMin * 60_000) * NS;
      return { ...(JSON.parse(rest.slice(0, bar)) as object), timeNs, body };
    });
    await store.put(logsOf(lines));
  });
  afterAll(() => store.close());

  checks(script, async (search) => {
    const { conditions, time } = logsSearch(search, nowMs);
    const source = createLogSource(store.engine);
    const ask = { range: narrowed(range, time), conditions, order: "newest", limit: 100 } as const;
    const found = await source.lines(ask, {});
    // The range only spares work: without it the same is found.
    const whole = await source.lines({ ...ask, range }, {});
    expect(whole.map((line) => line.body)).toEqual(found.map((line) => line.body));
    return found.map((line) => bodies.get(line.body) ?? line.body);
  });

  test("hostile texts are only data", async () => {
    const source = createLogSource(store.engine);
    for (const hostile of hostileTexts) {
      const text = quoteKql(hostile);
      const key = hostile === "" ? "x" : text;
      for (const search of [text, `${key}: ${text}`, `${key} > ${text}`, `not ${key}: *`]) {
        const { conditions } = logsSearch(search, nowMs);
        await source.lines({ range, conditions, order: "newest", limit: 1 }, {});
      }
    }
  }, 60_000);

  test("as large as a search may be", async () => {
    const source = createLogSource(store.engine);
    const deep = `${"(a or b and not ".repeat(12)}c${")".repeat(12)}`;
    const many = Array.from({ length: 50 }, (_, i) => `a.b_${i}: (x or ${i})`).join(" or ");
    const words = "w ".repeat(100);
    for (const [search, lines] of [
      [deep, undefined],
      [many, 0],
      [words, 2],
    ] as const) {
      const { conditions } = logsSearch(search, nowMs);
      const found = await source.lines({ range, conditions, order: "newest", limit: 9 }, {});
      if (lines !== undefined) expect(found).toHaveLength(lines);
    }
  }, 60_000);
});

describe("spans", () => {
  const script = readScript("spans");
  const ids = new Map<string, string>();
  let store: Awaited<ReturnType<typeof openSpanStore>>;
  beforeAll(async () => {
    store = await openSpanStore();
    const spans = script.items.map(({ name, agoMin, rest }, i): TestSpan => {
      ids.set((i + 1).toString(16).padStart(16, "0"), name);
      const fields = JSON.parse(rest) as Omit<TestSpan, "trace" | "id" | "startMs">;
      return { ...fields, trace: 100 + i, id: i + 1, startMs: nowMs - agoMin * 60_000 };
    });
    await store.add(otlpOf(spans));
  });
  afterAll(() => store.close());

  test("as large as a search may be", async () => {
    expect(await find("word ".repeat(100))).toEqual([]);
    expect(
      await find(Array.from({ length: 50 }, (_, i) => `a_b_c_${i}: (x or ${i})`).join(" or ")),
    ).toEqual([]);
  }, 60_000);

  const find = async (search: string): Promise<readonly string[]> => {
    const filter = { range, search: spansSearch(search, nowMs) };
    const result = await store.engine.select(
      sql`SELECT SpanId AS id FROM otel_traces WHERE ${spanCondition(filter)}`,
      {},
    );
    return readRows(result, (block) => textCells(block, "id")).map((id) => ids.get(id) ?? id);
  };
  checks(script, find);

  test("hostile texts are only data", async () => {
    for (const hostile of hostileTexts) {
      const text = quoteKql(hostile);
      const key = hostile === "" ? "x" : text;
      for (const search of [text, `${key}: ${text}`, `${key} > ${text}`, `not ${key}: *`])
        await find(search);
    }
  }, 60_000);
});
