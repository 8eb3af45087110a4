import { parseTraceql } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { createRandomTraceql } from "./random-traceql.ts";
import { randomTraces } from "./random-traces.ts";
import { createRng } from "./rng.ts";

describe("random TraceQL", () => {
  const parses = (query: string): boolean => {
    try {
      parseTraceql(query);
      return true;
    } catch {
      return false;
    }
  };
  test("the same seed gives the same queries, nearly all of them right", () => {
    const queriesOf = (seed: number): string[] => {
      const random = createRandomTraceql(createRng(seed));
      return Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0 ? random.search() : random.metrics(),
      );
    };
    const queries = queriesOf(7);
    expect(queriesOf(7)).toEqual(queries);
    expect(queries.filter(parses).length).toBeGreaterThan(180);
  });
  test("each span of a trace has an id of its own", () => {
    const size = { traces: 20, spansMax: 60, fromNs: 0n, toNs: 600_000_000_000n, broken: true };
    const traces = randomTraces(createRng(1), size);
    const ids = traces.flatMap(({ spanIds }) => spanIds);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(traces.map(({ traceId }) => traceId)).size).toBe(20);
    expect(randomTraces(createRng(1), size)).toEqual(traces);
  });
});
