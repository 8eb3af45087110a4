/** Published search cases over a real store: one trace of Tempo's tests, and oteldb's golden traces. */
import { existsSync, readFileSync } from "node:fs";
import { parseTraceql, type Static, showStatic, validateTraceql } from "@triptych/lang";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkPattern } from "../../regex/regex.ts";
import { createReader } from "../../store/clickhouse/select/reader.ts";
import { openTestStore, type TestStore } from "../../store/clickhouse/select/testing.ts";
import { type FoundTrace, searchTraceql } from "./search.ts";

const published = new URL("../../../../../../shared/conformance/", import.meta.url);
const there = existsSync(published);
const read = (path: string): string => readFileSync(new URL(path, published), "utf8");

async function search(
  store: TestStore,
  text: string,
  spansPerSpanset = 1000,
): Promise<readonly FoundTrace[]> {
  const query = parseTraceql(text);
  validateTraceql(query, checkPattern);
  if (query.kind !== "spansets") throw new Error("not a search");
  const found = await searchTraceql(createReader(store.engine), query.pipeline, {
    range: { fromNs: 0n, toNs: 2n ** 62n },
    limit: 1000,
    spansPerSpanset,
  });
  return found.traces;
}

interface Case {
  readonly group: string;
  readonly query?: string;
  readonly match?: boolean;
  readonly spanSets?: readonly {
    readonly matched: number;
    readonly attributes: { readonly [name: string]: unknown } | null;
    readonly spans: readonly {
      readonly spanID: string;
      readonly name: string;
      readonly durationNanos: number;
      readonly attributes: object;
    }[];
  }[];
  readonly contains_span?: { readonly [id: string]: boolean };
  readonly kind?: string;
}

const STAND_IN = "00000000000000ff";
const excepted = new Set(
  (
    JSON.parse(
      readFileSync(
        new URL("../../../../../corpus/traceql/exceptions.json", import.meta.url),
        "utf8",
      ),
    ) as {
      list: string;
      query: string;
    }[]
  )
    .filter(({ list }) => list === "tempo-search")
    .map(({ query }) => query),
);

test.skipIf(there)("skipped: ../shared/conformance is not there", () => {
  expect(there).toBe(false);
});

const plainValue = (value: Static): unknown =>
  value.type === "string" || value.type === "int" || value.type === "float" || value.type === "bool"
    ? value.value
    : showStatic(value);
const record = (pairs: readonly (readonly [string, Static])[]): object =>
  Object.fromEntries(pairs.map(([name, value]) => [name, plainValue(value)]));

describe.skipIf(!there)("Tempo's cases", () => {
  const { cases, trace_otlp_json } = there
    ? (JSON.parse(read("traceql-exec-agpl/search_cases.json")) as {
        cases: Case[];
        trace_otlp_json: object;
      })
    : { cases: [], trace_otlp_json: {} };
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore();
    // Receivers refuse ids of zeros: that span is stored under another one.
    const text = JSON.stringify(trace_otlp_json);
    await store.add(
      text
        .replace('"spanId":"0000000000000000"', `"spanId":"${STAND_IN}"`)
        .replace(',"parentSpanId":"0000000000000000"', ""),
    );
  });
  afterAll(() => store.close());

  for (const [i, one] of cases.entries()) {
    const { query } = one;
    if (query === undefined || excepted.has(query)) continue;
    test(`${i}: ${query}`, async () => {
      const found = await search(store, query);
      if (one.match !== undefined) expect(found.length > 0).toBe(one.match);
      for (const [id, wanted] of Object.entries(one.contains_span ?? {})) {
        const ids = found.flatMap(({ spansets }) =>
          spansets.flatMap(({ spans }) => spans.map(({ spanId }) => spanId)),
        );
        expect(ids.includes(id)).toBe(wanted);
      }
      if (one.spanSets === undefined) return;
      const got = (found[0]?.spansets ?? []).map((set) => ({
        matched: set.matched,
        attributes: set.attributes.length === 0 ? null : record(set.attributes),
        spans: set.spans
          .map((span) => ({
            spanID: span.spanId === STAND_IN ? "0000000000000000" : span.spanId,
            name: span.name ?? "",
            durationNanos: span.durationNs,
            attributes: record(span.attributes),
          }))
          .sort((a, b) => (a.spanID < b.spanID ? -1 : 1)),
      }));
      const order = (sets: readonly object[]): string[] =>
        sets.map((set) => JSON.stringify(set)).sort();
      const sorted = (object: object): object =>
        Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
      const plain = (sets: typeof got | NonNullable<Case["spanSets"]>): object[] =>
        sets.map((set) => ({
          matched: set.matched,
          attributes: set.attributes === null ? null : sorted(set.attributes),
          spans: [...set.spans]
            .sort((a, b) => (a.spanID < b.spanID ? -1 : 1))
            .map(({ spanID, name, durationNanos, attributes }) => ({
              spanID,
              name,
              durationNanos,
              attributes: sorted(attributes),
            })),
        }));
      expect(order(plain(got))).toEqual(order(plain(one.spanSets)));
    });
  }
});

describe.skipIf(!there)("oteldb's cases", () => {
  const cases = there
    ? (
        JSON.parse(read("oteldb-derived/tempoe2e_traceql_search.json")) as {
          cases: { query: string; expected: { [traceId: string]: string[] } }[];
        }
      ).cases
    : [];
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore();
    for (const line of read("oteldb/integration/tempoe2e/_testdata/traces.json").split("\n"))
      if (line.trim() !== "") await store.add(line);
  });
  afterAll(() => store.close());

  for (const { query, expected } of cases)
    test(query, async () => {
      const found = await search(store, query, 10_000);
      const got = Object.fromEntries(
        found.map(({ traceId, spansets }) => [
          traceId,
          [...new Set(spansets.flatMap(({ spans }) => spans.map(({ spanId }) => spanId)))].sort(),
        ]),
      );
      expect(got).toEqual(
        Object.fromEntries(Object.entries(expected).map(([id, spans]) => [id, [...spans].sort()])),
      );
    });
});
